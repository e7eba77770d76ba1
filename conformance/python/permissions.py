"""Which IAM actions a call needs, and the refusal that AWS answers when one is missing.

moto does not enforce IAM here; this stand-in for a policy does, so that a test sees what a narrow policy does to us.
"""

from fnmatch import fnmatchcase

# A transaction needs the permission of each of its parts and has no action of its own.
TRANSACTION_PARTS = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Get": "dynamodb:GetItem",
}


class Permissions:
    """The allowed actions, for everybody or for one access key; everything is allowed until told otherwise."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.everybody = None
        self.by_access_key = {}

    def allow(self, actions, access_key=None):
        """Allows these actions (IAM patterns) and nothing else; `None` allows everything again."""
        if actions is not None and not all(isinstance(action, str) and ":" in action for action in actions):
            raise ValueError("actions are a list of names like dynamodb:GetItem, or null")
        if access_key is None:
            self.everybody = actions
        elif actions is None:
            self.by_access_key.pop(access_key, None)
        else:
            self.by_access_key[access_key] = actions

    def refusal(self, call):
        """The first action that the caller lacks, as the answer's body; `None` when the call may go on."""
        allowed = self.by_access_key.get(call.access_key, self.everybody)
        if allowed is None:
            return None
        for action, resource in needed(call):
            if not any(fnmatchcase(action.lower(), pattern.lower()) for pattern in allowed):
                caller = f"arn:aws:iam::123456789012:user/{call.access_key}"
                return {
                    "__type": "AccessDeniedException",
                    "message": f"User: {caller} is not authorized to perform: {action} on resource: {resource} "
                    f"because no identity-based policy allows the {action} action",
                }
        return None


def needed(call):
    """Every action a call needs, each with its resource."""
    if (call.service, call.operation) == ("sts", "GetCallerIdentity"):
        return []  # AWS answers it whatever the policies say.
    body = call.body if isinstance(call.body, dict) else {}
    if call.service == "dynamodb":
        if call.operation in ("TransactWriteItems", "TransactGetItems"):
            return [
                (TRANSACTION_PARTS[kind], table_arn(call, part.get("TableName")))
                for parts in body.get("TransactItems", [])
                for kind, part in parts.items()
            ]
        return [(f"dynamodb:{call.operation}", table_arn(call, name)) for name in call.tables() or ["*"]]
    if call.operation == "ReEncrypt":
        return [("kms:ReEncryptFrom", "*"), ("kms:ReEncryptTo", str(body.get("DestinationKeyId", "*")))]
    return [(f"{call.service}:{call.operation}", str(body.get("KeyId", "*")))]


def table_arn(call, name):
    return f"arn:aws:dynamodb:{call.region}:123456789012:table/{name}"
