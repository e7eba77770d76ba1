"""Stands in for a module that the published 7.0.0 wheel lacks: the errors that its callers name."""


class CertificateAuthorityNotFoundError(Exception):
    pass


class CertificateNotReadyError(Exception):
    pass
