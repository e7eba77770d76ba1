"""Makes moto's transactions cost what they touch, and not what the tables hold.

Before every action of a transaction moto copies the whole table, deep, to have something to go back to: with a thousand
items that is a quarter of a second per action. Here the copy shares the items, and an update, the only operation that
changes an item in place, first puts a copy of the item in its stead. What a rollback restores is the same.
"""

import copy
from collections import defaultdict

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table


def share_items_with_the_copy():
    """Replaces two methods of moto; called once, before the first call."""
    update_item = DynamoDBBackend.update_item

    def update_a_copy(self, table_name, key, *arguments, **named):
        detach(self.get_table(table_name), key)
        return update_item(self, table_name, key, *arguments, **named)

    DynamoDBBackend.update_item = update_a_copy
    Table.__deepcopy__ = snapshot


def snapshot(table, _memo):
    """A table of its own that holds the same items."""
    twin = copy.copy(table)
    twin.items = defaultdict(dict)
    for hash_value, held in table.items.items():
        twin.items[hash_value] = dict(held) if table.has_range_key else held
    return twin


def detach(table, key):
    """Puts a copy of the item in its place, so that snapshots keep the item as it is now."""
    names = [table.hash_key_attr] + ([table.range_key_attr] if table.has_range_key else [])
    if any(name not in key for name in names):
        return  # moto refuses such a key itself
    place, last = table.items, DynamoType(key[names[-1]])
    if table.has_range_key:
        place = table.items.get(DynamoType(key[names[0]]), {})
    if last in place:
        place[last] = copy.deepcopy(place[last])
