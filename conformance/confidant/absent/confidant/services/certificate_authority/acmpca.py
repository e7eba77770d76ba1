"""Stands in for a module that the published 7.0.0 wheel lacks: there is no AWS ACM PCA."""
from confidant.services.certificate_authority.certificateauthoritybase import (
    CertificateAuthorityNotFoundError,
)


class ACMPrivateCertificateAuthority:
    def __init__(self, ca):
        raise CertificateAuthorityNotFoundError()
