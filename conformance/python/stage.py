"""What a fresh moto holds: the seeded KMS keys, and tables in the layouts that are read here."""

import base64
import json
import os

# Server-mode moto does not need its request recorder, and a reset must not be offered to the outside.
os.environ.setdefault("MOTO_CALL_RESET_API", "false")

from rollback import share_items_with_the_copy  # noqa: E402

from moto.acmpca.models import acmpca_backends  # noqa: E402
from moto.dynamodb.models import dynamodb_backends  # noqa: E402
from moto.dynamodb.models.dynamo_type import DynamoType  # noqa: E402
from moto.kms.exceptions import InvalidCiphertextException  # noqa: E402
from moto.kms.models import KmsBackend, kms_backends  # noqa: E402
from moto.moto_api._internal.models import moto_api_backend  # noqa: E402

DEFAULT_ACCOUNT = "123456789012"


class Stage:
    """Builds and rebuilds what moto holds."""

    def __init__(self, seed_paths, recorded_paths, confidant_layout_path, region):
        seeds = [read_json(path) for path in seed_paths]
        accounts = {seed.get("account", DEFAULT_ACCOUNT) for seed in seeds}
        if len(accounts) != 1:
            raise ValueError(f"the seeds are of several accounts: {sorted(accounts)}")
        self.account = accounts.pop()
        self.keys = [key for seed in seeds for key in seed["kms_keys"]]
        self.region = region
        self.layouts = {
            "confidant": read_json(confidant_layout_path) if confidant_layout_path else None,
            "stash": STASH_LAYOUT,
        }
        recorded = {blob: answer for path in recorded_paths for blob, answer in recorded_ciphertexts(read_json(path))}
        keyless = {key_id_of(blob) for blob in recorded} - {key["key_id"] for key in self.keys}
        if keyless:
            raise ValueError(f"recorded ciphertexts of keys that the seed does not name: {sorted(keyless)}")
        answer_recorded_ciphertexts(recorded)
        share_items_with_the_copy()

    def reset(self):
        """Forgets every table and key, then makes the seeded keys again."""
        moto_api_backend.reset()
        for wanted in self.keys:
            self.make_key(wanted)

    def make_key(self, wanted):
        """A key with the id and the material of the seed: moto draws both, so both are replaced."""
        backend = kms_backends[self.account][wanted["region"]]
        key = backend.create_key(
            policy=None,
            key_usage="ENCRYPT_DECRYPT",
            key_spec="SYMMETRIC_DEFAULT",
            description=wanted.get("description", ""),
            tags=None,
            multi_region=False,
            origin="AWS_KMS",
        )
        backend.keys.pop(key.id)
        key.id = wanted["key_id"]
        key.arn = f"arn:aws:kms:{wanted['region']}:{self.account}:key/{key.id}"
        key.key_material = base64.b64decode(wanted["material_b64"])
        backend.keys[key.id] = key
        for alias in wanted.get("aliases", []):
            backend.create_alias(key.id, alias)

    def make_private_ca(self, region=None):
        """A root of AWS Private CA that is ready to issue; its ARN."""
        backend = acmpca_backends[self.account][region or self.region]
        subject = {"CommonName": "Root of the tests", "Organization": "Example"}
        configuration = {"KeyAlgorithm": "RSA_2048", "SigningAlgorithm": "SHA256WITHRSA", "Subject": subject}
        arn = backend.create_certificate_authority(configuration, {}, "ROOT", None, [{"Key": "hello", "Value": "world"}])
        authority = backend.certificate_authorities[arn]
        template = "arn:aws:acm-pca:::template/RootCACertificate/V1"
        own = authority.issue_certificate(base64.b64encode(authority.csr), template)
        certificate, _no_chain = authority.get_certificate(own)
        backend.import_certificate_authority_certificate(arn, certificate, None)
        return arn

    def load(self, tables, region=None):
        """Puts items (DynamoDB JSON) into tables; a table that is absent is made in its layout first."""
        backend = dynamodb_backends[self.account][region or self.region]
        for name, wanted in tables.items():
            unknown = set(wanted) - {"layout", "items"}
            if unknown:
                raise ValueError(f"table {name}: unknown fields {sorted(unknown)}")
            if name not in backend.tables:
                self.make_table(backend, name, wanted.get("layout"))
            for item in wanted.get("items", []):
                backend.put_item(name, {attribute: parsed(value) for attribute, value in item.items()})

    def make_table(self, backend, name, layout_name):
        layout = self.layouts.get(layout_name)
        if layout is None:
            raise ValueError(f"table {name}: layout {layout_name!r} is none of confidant (needs --confidant-layout), stash")
        backend.create_table(
            name,
            schema=layout["KeySchema"],
            attr=layout["AttributeDefinitions"],
            throughput=layout["ProvisionedThroughput"],
            global_indexes=layout.get("GlobalSecondaryIndexes"),
            indexes=None,
            streams=None,
            billing_mode="PROVISIONED",
            sse_specification=None,
            tags=[],
            deletion_protection_enabled=False,
            warm_throughput=None,
        )

    def dump(self, name, region=None):
        """All items of a table in DynamoDB JSON, sorted by key."""
        table = dynamodb_backends[self.account][region or self.region].tables.get(name)
        if table is None:
            raise ValueError(f"no table {name}")
        keys = [key for key in (table.hash_key_attr, table.range_key_attr) if key]
        items = [{attribute: plain(value) for attribute, value in item.attrs.items()} for item in table.all_items()]
        return sorted(items, key=lambda item: [json.dumps(item[key]) for key in keys])

    def tables(self, region=None):
        """The names of the tables there are."""
        return sorted(dynamodb_backends[self.account][region or self.region].tables)


def recorded_ciphertexts(document):
    """Ciphertexts that a KMS once made, with what it opened them to: the `kms` notes of recorded items.

    Items of credstash's layout (`vectors`) have the data key beside them. Without an encryption context moto opens them
    itself, by the key's material; with one it does not, since the recording moto bound contexts more loosely
    (mended.py).
    """
    found = []
    for record in document.get("vectors", []):
        context = record["encryption_context"]
        if context:
            (kind, wrapped), = record["item"]["key"].items()
            if kind not in ("B", "S"):  # both hold base64
                raise ValueError(f"a wrapped key of type {kind}")
            found.append((base64.b64decode(wrapped), (context, base64.b64decode(record["data_key_b64"]))))
    for record in document.get("items", []):
        note = record.get("kms")
        if note:
            blob = base64.b64decode(note["ciphertext_blob_base64"])
            found.append((blob, (note["encryption_context"], note["plaintext_ascii"].encode("ascii"))))
    if not found:
        raise ValueError("the recording holds no ciphertext")
    return found


def key_id_of(ciphertext_blob):
    """The key of a ciphertext that moto made: its id is the first 36 bytes."""
    return ciphertext_blob[:36].decode("ascii")


def answer_recorded_ciphertexts(recorded):
    """Lets moto open recorded ciphertexts, whose key material nobody has.

    A recorded ciphertext opens under its recorded encryption context only, as in KMS. Every other one is moto's.
    """
    decrypt = KmsBackend.decrypt

    def decrypt_or_recall(self, ciphertext_blob, encryption_context, key_id=None):
        if ciphertext_blob not in recorded:
            return decrypt(self, ciphertext_blob, encryption_context, key_id)
        context, plaintext = recorded[ciphertext_blob]
        key = self.keys.get(key_id_of(ciphertext_blob))
        if key is None or (encryption_context or {}) != context:
            raise InvalidCiphertextException()
        if key_id is not None and self.any_id_to_key_id(key_id) != key.id:
            raise InvalidCiphertextException()
        return plaintext, key.arn

    KmsBackend.decrypt = decrypt_or_recall


def plain(value):
    """One of moto's typed values as DynamoDB JSON. (moto's own ways either leave typed values inside or undo base64.)"""
    if isinstance(value, DynamoType):
        return {value.type: plain(value.value)}
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value


def parsed(value):
    """A value of DynamoDB JSON as moto holds what came over the wire: bytes instead of base64, so that conditions agree."""
    (kind, held), = value.items()
    if kind == "B":
        return {kind: base64.b64decode(held)}
    if kind == "BS":
        return {kind: [base64.b64decode(element) for element in held]}
    if kind == "L":
        return {kind: [parsed(element) for element in held]}
    if kind == "M":
        return {kind: {name: parsed(element) for name, element in held.items()}}
    return value


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


# credstash's table: a hash key and a range key, no index.
STASH_LAYOUT = {
    "KeySchema": [
        {"AttributeName": "name", "KeyType": "HASH"},
        {"AttributeName": "version", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "name", "AttributeType": "S"},
        {"AttributeName": "version", "AttributeType": "S"},
    ],
    "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
}
