//! Every refusal of DynamoDB becomes the port's word for it.

use keep::{Action, Condition, Consistency, Key, Table, TableError, TableName, Value};
use rstest::rstest;
use serde_json::json;

use crate::stub::{Answer, Stub};
use crate::support::{check, item, put, settings, table_at};

const DENIED: &str = "User: arn:aws:sts::123456789012:assumed-role/web/i-1 is not authorized to perform: \
     dynamodb:ConditionCheckItem on resource: arn:aws:dynamodb:us-east-1:123456789012:table/t because no \
     identity-based policy allows the dynamodb:ConditionCheckItem action";

fn t() -> TableName {
    TableName::new("t")
}

async fn write_at(stub: &Stub) -> TableError {
    let table = table_at(&settings(&stub.url, "key")).await;
    table
        .transact(&[put(&t(), item("a", &[]), Condition::new_item("id"))])
        .await
        .unwrap_err()
}

async fn read_at(stub: &Stub) -> TableError {
    let table = table_at(&settings(&stub.url, "key")).await;
    table
        .get(&t(), &Key::id("a"), Consistency::Strong)
        .await
        .unwrap_err()
}

async fn transaction_at(stub: &Stub) -> TableError {
    let table = table_at(&settings(&stub.url, "key")).await;
    let second = put(&t(), item("b", &[]), Condition::new_item("id"));
    table
        .transact(&[
            put(&t(), item("a", &[]), Condition::always()),
            second,
            check(&t(), "c", Condition::new_item("id")),
        ])
        .await
        .unwrap_err()
}

fn limit(message: &str) -> TableError {
    TableError::Limit(message.to_owned())
}

fn invalid(message: &str) -> TableError {
    TableError::Invalid(message.to_owned())
}

#[rstest]
#[case::condition("ConditionalCheckFailedException", "The conditional request failed", TableError::ConditionFailed(vec![0]))]
#[case::held_by_a_transaction(
    "TransactionConflictException",
    "Transaction is ongoing for the item",
    TableError::Conflict
)]
#[case::held_in_another_region("ReplicatedWriteConflictException", "", TableError::Conflict)]
#[case::throughput(
    "ProvisionedThroughputExceededException",
    "The level of configured provisioned throughput...",
    TableError::Throttled
)]
#[case::account_limit(
    "RequestLimitExceeded",
    "Throughput exceeds the current throughput limit",
    TableError::Throttled
)]
#[case::throttling(
    "ThrottlingException",
    "Rate of requests exceeds the allowed throughput.",
    TableError::Throttled
)]
#[case::no_table("ResourceNotFoundException", "Requested resource not found", TableError::NoSuchTable("t".to_owned()))]
#[case::denied("AccessDeniedException", DENIED, TableError::Denied("dynamodb:ConditionCheckItem".into()))]
#[case::denied_without_a_name("AccessDeniedException", "", TableError::Denied("dynamodb:PutItem".into()))]
#[case::unknown_key("UnrecognizedClientException", "The security token included in the request is invalid.", TableError::Denied("dynamodb:PutItem (UnrecognizedClientException)".into()))]
#[case::expired_key("ExpiredTokenException", "The security token included in the request is expired", TableError::Denied("dynamodb:PutItem (ExpiredTokenException)".into()))]
#[case::item_too_large(
    "ValidationException",
    "Item size has exceeded the maximum allowed size",
    limit("Item size has exceeded the maximum allowed size")
)]
#[case::item_grown_too_large(
    "ValidationException",
    "Item size to update has exceeded the maximum allowed size",
    limit("Item size to update has exceeded the maximum allowed size")
)]
#[case::collection(
    "ItemCollectionSizeLimitExceededException",
    "Collection size exceeded.",
    limit("ItemCollectionSizeLimitExceededException: Collection size exceeded.")
)]
#[case::key_type(
    "ValidationException",
    "Type mismatch for key id expected: S actual: N",
    invalid("Type mismatch for key id expected: S actual: N")
)]
#[tokio::test]
async fn a_write_is_refused(
    #[case] code: &str,
    #[case] message: &str,
    #[case] expected: TableError,
) {
    let stub = Stub::refusing(400, code, message).await;
    assert_eq!(write_at(&stub).await, expected);
    assert_eq!(stub.operations(), ["PutItem"], "a write is sent once");
}

#[rstest]
#[case::throughput(400, "ProvisionedThroughputExceededException", TableError::Throttled)]
#[case::throttling(400, "ThrottlingException", TableError::Throttled)]
#[case::fault(500, "InternalServerError", TableError::Unavailable("status 500 InternalServerError".to_owned()))]
#[case::overload(503, "ServiceUnavailable", TableError::Unavailable("status 503 ServiceUnavailable".to_owned()))]
#[tokio::test]
async fn a_read_is_tried_again_and_then_refused(
    #[case] status: u16,
    #[case] code: &str,
    #[case] expected: TableError,
) {
    let stub = Stub::refusing(status, code, "").await;
    assert_eq!(read_at(&stub).await, expected);
    assert_eq!(stub.operations(), ["GetItem", "GetItem"]);
}

#[rstest]
#[case::no_table("ResourceNotFoundException", "Requested resource not found", TableError::NoSuchTable("t".to_owned()))]
#[case::denied("AccessDeniedException", "", TableError::Denied("dynamodb:GetItem".into()))]
#[case::key(
    "ValidationException",
    "The provided key element does not match the schema",
    invalid("The provided key element does not match the schema")
)]
#[tokio::test]
async fn a_read_is_refused_at_once(
    #[case] code: &str,
    #[case] message: &str,
    #[case] expected: TableError,
) {
    let stub = Stub::refusing(400, code, message).await;
    assert_eq!(read_at(&stub).await, expected);
    assert_eq!(stub.operations(), ["GetItem"]);
}

#[tokio::test]
async fn a_missing_index_is_a_missing_table() {
    let told = "The table does not have the specified index: data_type_date_index";
    let stub = Stub::refusing(400, "ValidationException", told).await;
    let table = table_at(&settings(&stub.url, "key")).await;
    let query = keep::Query {
        table: t(),
        index: Some("data_type_date_index".to_owned()),
        hash: ("data_type".to_owned(), Value::s("credential")),
        from: None,
        order: keep::Order::Ascending,
        limit: None,
        start: None,
        consistency: Consistency::Eventual,
    };
    let refused = table.query(&query).await.unwrap_err();
    assert_eq!(refused, TableError::NoSuchTable(format!("t: {told}")));
}

#[rstest]
#[case::internal(500, "InternalServerError")]
#[case::overload(503, "ServiceUnavailable")]
#[tokio::test]
async fn a_fault_of_the_service_leaves_a_write_in_doubt(#[case] status: u16, #[case] code: &str) {
    let stub = Stub::refusing(status, code, "Internal server error").await;
    let expected = TableError::Ambiguous(format!("status {status} {code}"));
    assert_eq!(write_at(&stub).await, expected);
    assert_eq!(stub.operations(), ["PutItem"], "a write is sent once");
}

/// The codes of three actions, and what they mean together.
#[rstest]
#[case::one_condition(["None", "ConditionalCheckFailed", "None"], TableError::ConditionFailed(vec![1]))]
#[case::two_conditions(["ConditionalCheckFailed", "None", "ConditionalCheckFailed"], TableError::ConditionFailed(vec![0, 2]))]
#[case::a_condition_is_final(["TransactionConflict", "ConditionalCheckFailed", "ThrottlingError"], TableError::ConditionFailed(vec![1]))]
#[case::conflict(["None", "TransactionConflict", "None"], TableError::Conflict)]
#[case::throughput(["ProvisionedThroughputExceeded", "None", "None"], TableError::Throttled)]
#[case::throttling(["None", "None", "ThrottlingError"], TableError::Throttled)]
#[case::collection(["ItemCollectionSizeLimitExceeded", "None", "None"], limit("ItemCollectionSizeLimitExceeded: told"))]
#[case::validation(["None", "ValidationError", "None"], invalid("told"))]
#[case::something_new(["None", "NeverSeenBefore", "None"], TableError::Unavailable("transaction cancelled: Transaction cancelled".to_owned()))]
#[tokio::test]
async fn a_transaction_is_cancelled(#[case] codes: [&str; 3], #[case] expected: TableError) {
    let reasons = codes.map(|code| json!({ "Code": code, "Message": "told" }));
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": reasons,
    });
    let stub = Stub::answering(Answer::Body(400, body.to_string())).await;
    assert_eq!(transaction_at(&stub).await, expected);
    assert_eq!(stub.operations(), ["TransactWriteItems"]);
}

#[tokio::test]
async fn an_item_too_large_inside_a_transaction_is_a_limit() {
    let told = "Item size to update has exceeded the maximum allowed size";
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": [{ "Code": "ValidationError", "Message": told }],
    });
    let stub = Stub::answering(Answer::Body(400, body.to_string())).await;
    assert_eq!(transaction_at(&stub).await, limit(told));
}

#[rstest]
#[case::under_way(400, "TransactionInProgressException", TableError::Ambiguous("TransactionInProgressException".to_owned()))]
#[case::fault(500, "InternalServerError", TableError::Ambiguous("status 500 InternalServerError".to_owned()))]
#[case::other_content(
    400,
    "IdempotentParameterMismatchException",
    invalid("IdempotentParameterMismatchException: ")
)]
#[case::denied(400, "AccessDeniedException", TableError::Denied("dynamodb:ConditionCheckItem or dynamodb:PutItem".into()))]
#[case::throttled(400, "ThrottlingException", TableError::Throttled)]
#[tokio::test]
async fn a_transaction_is_refused(
    #[case] status: u16,
    #[case] code: &str,
    #[case] expected: TableError,
) {
    let stub = Stub::refusing(status, code, "").await;
    assert_eq!(transaction_at(&stub).await, expected);
}

#[rstest]
#[case::proxy_error(502, "<html>Bad Gateway</html>")]
#[case::proxy_timeout(408, "<html>Request Timeout</html>")]
#[case::proxy_page(404, "<html>Not Found</html>")]
#[case::empty(500, "")]
#[case::not_what_was_asked(200, "<html>Welcome to the hotel</html>")]
#[case::broken_off(200, "{")]
#[tokio::test]
async fn an_answer_that_cannot_be_read_leaves_a_write_in_doubt(
    #[case] status: u16,
    #[case] body: &str,
) {
    let stub = Stub::answering(Answer::Body(status, body.to_owned())).await;
    let written = write_at(&stub).await;
    assert!(matches!(written, TableError::Ambiguous(_)), "{written:?}");
    assert!(
        !written.to_string().contains("html"),
        "the answer stays out of the error: {written}"
    );
    let read = read_at(&stub).await;
    assert!(matches!(read, TableError::Unavailable(_)), "{read:?}");
}

#[tokio::test]
async fn an_unknown_refusal_is_a_bad_request_and_keeps_its_code() {
    let stub = Stub::refusing(400, "NeverSeenBeforeException", "told").await;
    assert_eq!(
        write_at(&stub).await,
        invalid("NeverSeenBeforeException: told")
    );
}

#[tokio::test]
async fn what_breaks_a_limit_is_never_sent() {
    let stub = Stub::refusing(400, "ValidationException", "sent").await;
    let table = table_at(&settings(&stub.url, "key")).await;
    let large = item("a", &[("x", Value::s("x".repeat(keep::MAX_ITEM_BYTES)))]);
    let refused = table
        .transact(&[put(&t(), large, Condition::always())])
        .await;
    assert!(matches!(refused, Err(TableError::Limit(_))), "{refused:?}");
    let many: Vec<Action> = (0..101)
        .map(|n| put(&t(), item(&n.to_string(), &[]), Condition::always()))
        .collect();
    let refused = table.transact(&many).await;
    assert!(matches!(refused, Err(TableError::Limit(_))), "{refused:?}");
    let keys: Vec<Key> = (0..101).map(|n| Key::id(n.to_string())).collect();
    let refused = table.batch_get(&t(), &keys, Consistency::Strong).await;
    assert!(matches!(refused, Err(TableError::Limit(_))), "{refused:?}");
    let refused = table.get(&t(), &Key::id(""), Consistency::Strong).await;
    assert!(
        matches!(refused, Err(TableError::Invalid(_))),
        "{refused:?}"
    );
    assert_eq!(stub.operations(), [""; 0]);
}
