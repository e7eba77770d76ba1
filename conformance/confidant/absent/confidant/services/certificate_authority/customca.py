"""Stands in for a module that the published 7.0.0 wheel lacks: there is no a configured authority."""
from confidant.services.certificate_authority.certificateauthoritybase import (
    CertificateAuthorityNotFoundError,
)


class CustomCertificateAuthority:
    def __init__(self, ca):
        raise CertificateAuthorityNotFoundError()
