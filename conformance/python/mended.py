"""Where moto takes what AWS refuses: made as strict as AWS documents it, so that the laws of our ports hold on it.

Imported for its effect. Each function says what AWS does; nothing here makes moto more lenient, except that the greatest
item is AWS's (moto stops 4,600 bytes earlier).
"""

from moto.dynamodb.exceptions import InvalidAttributeTypeError, ItemSizeTooLarge, MockValidationException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.models.utilities import bytesize
from moto.kms import utils as kms_utils

MAX_ITEM_BYTES = 400 * 1024


def grow_to_the_documented_size(self, name, value):
    """An item is at most 400 KB: names and values together."""
    after = {**self, name: value}
    sizes = (bytesize(key) + (one.size() if isinstance(one, DynamoType) else bytesize(str(one))) for key, one in after.items())
    if sum(sizes) > MAX_ITEM_BYTES:
        raise ItemSizeTooLarge
    dict.__setitem__(self, name, value)


def serialize_every_pair_apart(encryption_context):
    """An encryption context is a set of pairs: a letter moved from value to name is another context."""
    parts = [part.encode() for pair in sorted(encryption_context.items()) for part in pair]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def put_only_what_the_indexes_take(self, item_attrs, *given, **named):
    """The key attributes of an index are absent or fit: of the declared type and not empty."""
    declared = {attribute["AttributeName"]: attribute["AttributeType"] for attribute in self.attr}
    for element in (element for index in self.all_indexes() for element in index.schema):
        name = element["AttributeName"]
        for kind, value in item_attrs.get(name, {}).items():
            if kind != declared[name]:
                raise InvalidAttributeTypeError(name, expected_type=declared[name], actual_type=kind)
            if value == "":
                raise MockValidationException(f"The AttributeValue for a key attribute is empty. IndexKey: {name}")
    return moto_put_item(self, item_attrs, *given, **named)


def scan_from_a_key_of_the_table(self, filters, limit, exclusive_start_key, *given, **named):
    """A scan goes on from a whole key, of the table's attributes and no others."""
    if exclusive_start_key is not None and set(exclusive_start_key) != set(self.table_key_attrs):
        raise MockValidationException("The provided starting key is invalid")
    return moto_scan(self, filters, limit, exclusive_start_key, *given, **named)


def only_under_whole_keys(method):
    """A key has the attributes of the table's key and no others."""

    def checked(self, table_name, key, *given, **named):
        if set(key) != set(self.get_table(table_name).table_key_attrs):
            raise MockValidationException("The provided key element does not match the schema")
        return method(self, table_name, key, *given, **named)

    return checked


moto_put_item, moto_scan = Table.put_item, Table.scan
LimitedSizeDict.__setitem__ = grow_to_the_documented_size
Table.put_item = put_only_what_the_indexes_take
for name in ("get_item", "delete_item", "update_item"):
    setattr(DynamoDBBackend, name, only_under_whole_keys(getattr(DynamoDBBackend, name)))
Table.scan = scan_from_a_key_of_the_table
kms_utils._serialize_encryption_context = serialize_every_pair_apart
