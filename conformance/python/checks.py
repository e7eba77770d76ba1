"""Checks that moto_server.py does what its tests rely on, with real calls over HTTP; prints the counts as its last line.

    python checks.py
"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent.parent / "vectors" / "confidant"
STASH = HERE.parent.parent / "vectors" / "credsmash"
RECORDED = VECTORS / "dynamodb_items.json"


class Emulator:
    """One running moto_server.py."""

    def __init__(self):
        command = [sys.executable, "-B", str(HERE / "moto_server.py"), "--seed", str(HERE / "kms_seed.json")]
        command += ["--seed", str(STASH / "kms_seed.json"), "--recorded", str(STASH / "items.json")]
        command += ["--recorded", str(RECORDED), "--confidant-layout", str(VECTORS / "dynamodb_table.json")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        word, port = self.process.stdout.readline().split()
        assert word == "ready", word
        self.port = int(port)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def connect(self):
        """Another connection, for `with`."""
        return contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30))

    def control(self, method, verb, order=None):
        self.connection.request(method, "/_ctl/" + verb, None if order is None else json.dumps(order))
        return read(self.connection.getresponse())

    def call(self, operation, body, access_key="AKIDTEST", connection=None):
        """One call: status and body. DynamoDB where KMS has no such operation."""
        kms = operation in ("Encrypt", "Decrypt", "GenerateDataKey", "DescribeKey")
        target, service = ("TrentService.", "kms") if kms else ("DynamoDB_20120810.", "dynamodb")
        scope = f"{access_key}/20260101/us-east-1/{service}/aws4_request"
        headers = {
            "X-Amz-Target": target + operation,
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        }
        connection = connection or self.connection
        connection.request("POST", "/", json.dumps(body), headers)
        return read(connection.getresponse())

    def lost(self, operation, body):
        """Whether a call ends without an answer."""
        with self.connect() as connection:
            try:
                self.call(operation, body, connection=connection)
            except (http.client.RemoteDisconnected, ConnectionError):
                return True
        return False

    def stop(self):
        self.connection.close()
        self.process.stdin.close()
        ended = self.process.wait(timeout=10)
        self.process.stdout.close()
        return ended


def read(response):
    return response.status, json.loads(response.read() or b"{}")


def put(name, **more):
    return {"TableName": "main", "Item": {"id": {"S": name}, **more}}


def key(name):
    return {"TableName": "main", "Key": {"id": {"S": name}}, "ConsistentRead": True}


class EmulatorCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.aws = Emulator()

    @classmethod
    def tearDownClass(cls):
        cls.aws.stop()

    def setUp(self):
        self.assertEqual(self.aws.control("POST", "reset"), (200, {}))
        tables = {"main": {"layout": "confidant"}, "stash": {"layout": "stash"}}
        self.assertEqual(self.aws.control("POST", "load", {"tables": tables}), (200, {}))

    def item(self, name):
        status, told = self.aws.call("GetItem", key(name))
        self.assertEqual(status, 200, told)
        return told.get("Item")

    def put(self, name, **more):
        self.assertEqual(self.aws.call("PutItem", put(name, **more))[0], 200)


class Tables(EmulatorCase):
    def test_recorded_items_come_back_as_they_were_loaded(self):
        items = [record["item"] for record in json.loads(RECORDED.read_text())["items"] if record["table"] == "main"]
        self.assertEqual(self.aws.control("POST", "load", {"tables": {"main": {"items": items}}})[0], 200)
        dumped = self.aws.control("GET", "dump?table=main")[1]
        self.assertEqual(dumped, sorted(items, key=lambda item: item["id"]["S"]))

    def test_nested_and_binary_values_are_dumped_as_they_were_put(self):
        value = {"L": [{"M": {"b": {"B": "AAEC"}, "n": {"N": "1.5"}}}, {"BOOL": True}, {"SS": ["x", "y"]}]}
        self.put("nested", value=value)
        self.assertEqual(self.aws.control("GET", "dump?table=main")[1], [{"id": {"S": "nested"}, "value": value}])

    def test_the_confidant_table_has_its_index(self):
        self.put("a", data_type={"S": "service"}, modified_date={"S": "2026"})
        query = {
            "TableName": "main",
            "IndexName": "data_type_date_index",
            "KeyConditionExpression": "data_type = :t",
            "ExpressionAttributeValues": {":t": {"S": "service"}},
        }
        self.assertEqual(self.aws.call("Query", query)[1]["Count"], 1)

    def test_reset_forgets_tables_faults_permissions_and_calls(self):
        self.aws.control("POST", "fault", {"operation": "*", "code": "X"})
        self.aws.control("POST", "allow", {"actions": []})
        self.aws.control("POST", "reset")
        self.assertEqual(self.aws.control("GET", "tables")[1], [])
        self.assertEqual(self.aws.control("GET", "fault")[1], [])
        self.assertEqual(self.aws.control("GET", "calls")[1], {"total": 0, "calls": []})
        self.assertEqual(self.aws.call("ListTables", {})[0], 200)

    def test_a_mistaken_order_is_refused(self):
        for verb, order in [
            ("fault", {"operation": "PutItem", "bogus": 1}),
            ("fault", {"operation": "PutItem"}),
            ("fault", {"operation": "PutItem", "partial": 1}),
            ("load", {"tables": {"new": {"layout": "other"}}}),
            ("load", {"tables": {"new": {"layout": "stash", "item": []}}}),
            ("allow", {"actions": ["GetItem"]}),
            ("nonsense", {}),
        ]:
            with self.subTest(verb=verb, order=order):
                self.assertEqual(self.aws.control("POST", verb, order)[0], 400)

    def test_a_cancelled_transaction_leaves_every_kind_of_write_undone(self):
        self.put("updated", n={"N": "1"})
        self.put("deleted")
        self.put("taken")
        one = {"name": {"S": "s"}, "version": {"S": "1"}}
        self.aws.call("PutItem", {"TableName": "stash", "Item": {**one, "n": {"N": "1"}}})
        before = [self.aws.control("GET", f"dump?table={table}")[1] for table in ("main", "stash")]

        def update(table, key):
            values = {":n": {"N": "2"}}
            expression = {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": values}
            return {"Update": {"TableName": table, "Key": key, **expression}}

        writes = [
            update("main", {"id": {"S": "updated"}}),
            update("main", {"id": {"S": "made by an update"}}),
            update("stash", one),
            {"Delete": {"TableName": "main", "Key": {"id": {"S": "deleted"}}}},
            {"Put": put("new")},
        ]
        clash = {"Put": {**put("taken"), "ConditionExpression": "attribute_not_exists(id)"}}
        status, told = self.aws.call("TransactWriteItems", {"TransactItems": [*writes, clash]})
        self.assertEqual((status, told["CancellationReasons"][-1]["Code"]), (400, "ConditionalCheckFailed"))
        after = [self.aws.control("GET", f"dump?table={table}")[1] for table in ("main", "stash")]
        self.assertEqual(after, before)

        self.assertEqual(self.aws.call("TransactWriteItems", {"TransactItems": writes})[0], 200)
        self.assertEqual(self.item("updated")["n"], {"N": "2"})
        self.assertIsNone(self.item("deleted"))

    def test_one_of_many_conditional_transactions_wins(self):
        answers = []

        def race():
            clash = {"Put": {**put("prize"), "ConditionExpression": "attribute_not_exists(id)"}}
            with self.aws.connect() as connection:
                request = {"TransactItems": [clash]}
                answers.append(self.aws.call("TransactWriteItems", request, connection=connection)[0])

        for round_number in range(10):
            self.aws.call("DeleteItem", {"TableName": "main", "Key": {"id": {"S": "prize"}}})
            answers.clear()
            racers = [threading.Thread(target=race) for _ in range(6)]
            [racer.start() for racer in racers]
            [racer.join() for racer in racers]
            self.assertEqual(sorted(answers), [200] + [400] * 5, round_number)


class Keys(EmulatorCase):
    def test_recorded_ciphertexts_open_under_their_own_context_only(self):
        opened = 0
        for record in json.loads(RECORDED.read_text())["items"]:
            note = record.get("kms")
            if not note:
                continue
            request = {"CiphertextBlob": note["ciphertext_blob_base64"], "EncryptionContext": note["encryption_context"]}
            status, told = self.aws.call("Decrypt", request)
            self.assertEqual(status, 200, told)
            self.assertEqual(base64.b64decode(told["Plaintext"]).decode(), note["plaintext_ascii"])
            status, told = self.aws.call("Decrypt", {**request, "EncryptionContext": {"id": "another"}})
            self.assertEqual((status, told["__type"]), (400, "InvalidCiphertextException"))
            status, told = self.aws.call("Decrypt", {**request, "KeyId": "alias/authnz"})
            self.assertEqual(status, 400, told)
            opened += 1
        self.assertGreater(opened, 5)

    def test_recorded_data_keys_of_stash_items_open_as_recorded(self):
        with open(STASH / "items.json") as file:
            records = json.load(file)["vectors"]
        opened = 0
        for record in records:
            (blob,) = record["item"]["key"].values()
            request = {"CiphertextBlob": blob, "EncryptionContext": record["encryption_context"]}
            status, told = self.aws.call("Decrypt", request)
            if record["id"] == "bad-key":
                self.assertEqual(status, 400, told)
                continue
            self.assertEqual((status, told["Plaintext"]), (200, record["data_key_b64"]), record["id"])
            status, told = self.aws.call("Decrypt", {**request, "EncryptionContext": {"id": "another"}})
            self.assertEqual((status, told["__type"]), (400, "InvalidCiphertextException"))
            opened += 1
        self.assertEqual(opened, len(records) - 1)

    def test_the_seeded_keys_have_their_ids_and_a_ciphertext_survives_a_reset(self):
        arn = self.aws.call("DescribeKey", {"KeyId": "alias/authnz-user"})[1]["KeyMetadata"]["Arn"]
        self.assertEqual(arn, "arn:aws:kms:us-east-1:123456789012:key/22222222-2222-2222-2222-222222222222")
        context = {"from": "a", "to": "b"}
        request = {"KeyId": "alias/authnz", "Plaintext": "aGk=", "EncryptionContext": context}
        blob = self.aws.call("Encrypt", request)[1]["CiphertextBlob"]
        self.aws.control("POST", "reset")
        self.assertEqual(
            self.aws.call("Decrypt", {"CiphertextBlob": blob, "EncryptionContext": context})[1]["Plaintext"], "aGk="
        )


class FaultsAndPermissions(EmulatorCase):
    def fault(self, **order):
        self.assertEqual(self.aws.control("POST", "fault", order)[0], 200)

    def test_a_dropped_reply_comes_after_the_write(self):
        self.fault(operation="PutItem", drop_reply=True)
        self.assertTrue(self.aws.lost("PutItem", put("a")))
        self.assertIsNotNone(self.item("a"))
        self.put("b")

    def test_who_makes_a_lost_call_can_be_killed_before_it_and_after(self):
        for how, name, applied in (("drop_request", "a", False), ("drop_reply", "b", True)):
            caller = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
            with tempfile.NamedTemporaryFile("w") as number:
                print(caller.pid, file=number, flush=True)
                self.fault(operation="PutItem", kill=number.name, **{how: True})
                self.assertTrue(self.aws.lost("PutItem", put(name)))
            self.assertEqual(caller.wait(timeout=10), -signal.SIGKILL)
            caller.stdin.close()
            self.assertEqual(self.item(name) is not None, applied)

    def test_a_dropped_request_comes_before_the_write(self):
        self.fault(operation="PutItem", drop_request=True)
        self.assertTrue(self.aws.lost("PutItem", put("a")))
        self.assertIsNone(self.item("a"))

    def test_an_error_strikes_after_skip_calls_and_as_often_as_ordered(self):
        self.fault(operation="GetItem", code="ThrottlingException", status=429, skip=1, times=2, extra={"more": 1})
        answers = [self.aws.call("GetItem", key("a")) for _ in range(4)]
        self.assertEqual([status for status, _ in answers], [200, 429, 429, 200])
        self.assertEqual((answers[1][1]["__type"], answers[1][1]["more"]), ("ThrottlingException", 1))

    def test_a_fault_for_one_table_leaves_the_others_alone(self):
        self.fault(operation="GetItem", code="X", table="stash")
        self.assertIsNone(self.item("a"))
        self.assertEqual(len(self.aws.control("GET", "fault")[1]), 1)

    def test_a_partial_batch_names_the_rest(self):
        for name in "abc":
            self.put(name)
        request = {"RequestItems": {"main": {"Keys": [{"id": {"S": name}} for name in "abc"], "ConsistentRead": True}}}
        for count in (2, 0):
            self.fault(operation="BatchGetItem", partial=count)
            told = self.aws.call("BatchGetItem", request)[1]
            self.assertEqual(len(told["Responses"].get("main", [])), count)
            rest = told["UnprocessedKeys"]["main"]
            self.assertEqual([wanted["id"]["S"] for wanted in rest["Keys"]], list("abc")[count:])
            self.assertTrue(rest["ConsistentRead"])
        self.assertEqual(len(self.aws.call("BatchGetItem", request)[1]["Responses"]["main"]), 3)

    def test_a_delayed_call_holds_up_no_other(self):
        self.fault(operation="GetItem", delay_ms=1500)

        def read_slowly():
            with self.aws.connect() as connection:
                self.aws.call("GetItem", key("a"), connection=connection)

        slow = threading.Thread(target=read_slowly)
        slow.start()
        while self.aws.control("GET", "fault")[1]:
            pass
        start = time.monotonic()
        self.put("b")
        self.assertLess(time.monotonic() - start, 1.2)
        slow.join()

    def test_only_allowed_actions_pass(self):
        self.aws.control("POST", "allow", {"actions": ["dynamodb:GetItem", "kms:*"]})
        self.assertIsNone(self.item("a"))
        self.assertEqual(self.aws.call("DescribeKey", {"KeyId": "alias/authnz"})[0], 200)
        status, told = self.aws.call("PutItem", put("a"))
        self.assertEqual((status, told["__type"]), (400, "AccessDeniedException"))
        self.assertIn("is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:", told["message"])
        self.aws.control("POST", "allow", {"actions": None})
        self.put("a")

    def test_a_transaction_needs_the_permissions_of_its_parts(self):
        check = {"ConditionCheck": {**key("a"), "ConditionExpression": "attribute_not_exists(id)"}}
        check["ConditionCheck"].pop("ConsistentRead")
        request = {"TransactItems": [{"Put": put("b")}, check]}
        self.aws.control("POST", "allow", {"actions": ["dynamodb:PutItem", "dynamodb:TransactWriteItems"]})
        status, told = self.aws.call("TransactWriteItems", request)
        self.assertEqual(status, 400)
        self.assertIn("dynamodb:ConditionCheckItem", told["message"])
        self.aws.control("POST", "allow", {"actions": ["dynamodb:PutItem", "dynamodb:ConditionCheckItem"]})
        self.assertEqual(self.aws.call("TransactWriteItems", request)[0], 200)

    def test_a_refusal_can_be_for_one_access_key(self):
        self.aws.control("POST", "allow", {"actions": [], "access_key": "AKIDPOOR"})
        self.assertEqual(self.aws.call("GetItem", key("a"), access_key="AKIDPOOR")[0], 400)
        self.assertIsNone(self.item("a"))

    def test_each_connection_has_its_number(self):
        for _ in range(2):
            self.item("a")
            with self.aws.connect() as other:
                self.aws.call("GetItem", key("a"), connection=other)
        numbers = [call["connection"] for call in self.aws.control("GET", "calls")[1]["calls"]]
        self.assertEqual(numbers[0], numbers[2])
        self.assertEqual(len(set(numbers)), 3)

    def test_calls_are_recorded_with_their_fault(self):
        self.fault(operation="GetItem", code="X")
        self.aws.call("GetItem", key("a"))
        self.put("a")
        told = self.aws.control("GET", "calls")[1]
        seen = [(call["operation"], call["tables"], call["fault"], call["status"]) for call in told["calls"]]
        self.assertEqual(seen, [("GetItem", ["main"], "X", 400), ("PutItem", ["main"], None, 200)])
        self.aws.control("DELETE", "calls")
        self.assertEqual(self.aws.control("GET", "calls")[1]["total"], 0)


class Clients(EmulatorCase):
    def test_the_published_clients_make_tokens_that_kms_opens(self):
        for version, name, context in [
            (1, "svc-a", {"from": "svc-a", "to": "confidant-testing"}),
            (2, "2/service/svc-a", {"from": "svc-a", "to": "confidant-testing", "user_type": "service"}),
        ]:
            with self.subTest(version=version):
                command = [sys.executable, "-B", str(HERE / "client_fetch.py"), "--token-only", "--url", "http://127.0.0.1:9"]
                command += ["--service", "svc-a", "--key", "alias/authnz", "--token-version", str(version)]
                command += ["--context", json.dumps({"from": "svc-a", "to": "confidant-testing"})]
                environment = {
                    **os.environ,
                    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.aws.port}",
                    "AWS_ACCESS_KEY_ID": "AKIDTEST",
                    "AWS_SECRET_ACCESS_KEY": "secret",
                    "AWS_EC2_METADATA_DISABLED": "true",
                }
                told = json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
                self.assertEqual((told["kmsauth"], told["confidant_client"]), ("0.6.3", "2.7.1"))
                self.assertEqual(told["from"], name)
                status, opened = self.aws.call("Decrypt", {"CiphertextBlob": told["token"], "EncryptionContext": context})
                self.assertEqual(status, 200, opened)
                self.assertEqual(set(json.loads(base64.b64decode(opened["Plaintext"]))), {"not_before", "not_after"})


class Lifetime(unittest.TestCase):
    def test_it_ends_when_its_standard_input_closes(self):
        self.assertEqual(Emulator().stop(), 0)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    skipped = len(result.skipped) + len(result.expectedFailures)
    passed = result.testsRun - failed - skipped
    print(f"keepward checks: {max(passed, 0)} passed, {failed} failed, {skipped} skipped", flush=True)
    sys.exit(0 if result.testsRun and not failed and not skipped else 1)
