"""Signing a PDF so that any reader shows who issued it and that nobody changed it.

The signature is PAdES at level B-B (ETSI EN 319 142-1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pyhanko.keys.pemder import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from backend.config import SigningCertificate

FIELD = "Signature"
_DEMO_CERTIFICATE_LASTS = timedelta(days=3650)
# What an EC or RSA signature with its chain needs in the file; measuring it would mean signing twice.
_RESERVED_BYTES = 16_384


class PdfSeal:
    """Signs PDFs with one certificate. Loaded once; safe to use from several threads."""

    def __init__(self, signing: SigningCertificate) -> None:
        certificate, *chain = load_certs_from_pemder_data(signing.certificate)
        known = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        known.register_multiple([certificate, *chain])
        self._signer = SimpleSigner(
            signing_cert=certificate,
            signing_key=load_private_key_from_pemder_data(signing.key, passphrase=None),
            cert_registry=known,
        )
        subject = x509.load_pem_x509_certificates(signing.certificate)[0].subject
        names = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME) or subject.get_attributes_for_oid(
            NameOID.COMMON_NAME
        )
        self.issuer = str(names[0].value) if names else subject.rfc4514_string()
        """Whose certificate it is: the organisation (O), else the common name (CN)."""

    def sign(self, pdf: bytes, *, reason: str, now: datetime) -> bytes:
        """The signature certifies the document: any later change, even a note, breaks it."""
        metadata = PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            name=self.issuer,
            reason=reason,
            subfilter=SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
        )
        signed = BytesIO()
        _SignerAt(metadata, self._signer, now).sign_pdf(
            IncrementalPdfFileWriter(BytesIO(pdf)), output=signed, bytes_reserved=_RESERVED_BYTES
        )
        return signed.getvalue()


class _SignerAt(PdfSigner):
    """The library asks the machine's clock for the signing time; here it is the moment of the request."""

    def __init__(self, metadata: PdfSignatureMetadata, signer: SimpleSigner, now: datetime) -> None:
        super().__init__(metadata, signer)
        self._now = now

    def init_signing_session(self, *args: Any, **kwargs: Any) -> Any:
        session = super().init_signing_session(*args, **kwargs)
        session.system_time = self._now
        return session


@dataclass(frozen=True)
class SignatureFinding:
    """`whole` is true when the one signature of ours covers every byte of the file; else `fault` says why not."""

    whole: bool
    fault: str
    signed_at: datetime | None


def examine_signature(pdf: bytes, signing: SigningCertificate, *, now: datetime) -> SignatureFinding:
    """Whether the file carries exactly one signature, by our certificate, over all of it."""
    trusted = load_certs_from_pemder_data(signing.certificate)
    try:
        signatures = PdfFileReader(BytesIO(pdf)).embedded_signatures
        if len(signatures) != 1:
            return SignatureFinding(False, f"文件中有 {len(signatures)} 个签名，应当只有一个", None)
        status = validate_pdf_signature(
            signatures[0],
            signer_validation_context=ValidationContext(
                trust_roots=list(trusted), moment=now, allow_fetching=False
            ),
        )
    except (PdfError, ValueError, KeyError, TypeError, IndexError) as error:
        return SignatureFinding(False, f"不是完好的已签名 PDF（{type(error).__name__}）", None)
    signed_at = status.signer_reported_dt
    if not status.intact or not status.valid:
        return SignatureFinding(False, "签名后内容被改动过", signed_at)
    if status.coverage is not SignatureCoverageLevel.ENTIRE_FILE:
        return SignatureFinding(False, "签名后文件被追加过内容", signed_at)
    if not status.trusted:
        return SignatureFinding(False, "签名所用的证书不是本机构的", signed_at)
    return SignatureFinding(True, "", signed_at)


def make_demonstration_certificate(organisation: str, *, now: datetime) -> SigningCertificate:
    """A self-signed EC P-256 certificate. A city brings one from a licensed authority (《电子签名法》第十六条)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{organisation} 信用报告签章（演示）"),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - timedelta(days=1))
        .not_valid_after(now.astimezone(UTC) + _DEMO_CERTIFICATE_LASTS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=True,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, SHA256())
    )
    return SigningCertificate(
        certificate=certificate.public_bytes(Encoding.PEM),
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
