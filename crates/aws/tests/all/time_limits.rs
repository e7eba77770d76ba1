//! No call waits longer than the settings say, and a write without an answer is in doubt only when
//! it can have arrived.

use std::time::Duration;

use futures_util::FutureExt;
use keep::{Condition, Consistency, Key, KeyError, KeyService, Table, TableError, TableName};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use aws::{Connection, Identity, Settings};
use seal::{EncryptionContext, WrappedKey};

use crate::stub::{Answer, Stub};
use crate::support::{item, kms_at, put, settings, table_at};

/// Waits 200 ms for a connection and as long for an answer; two tries of what changes nothing.
fn hasty(url: &str) -> Settings {
    let mut hasty = settings(url, "key");
    for endpoint in [&mut hasty.dynamodb, &mut hasty.kms] {
        endpoint.connect = Duration::from_millis(200);
        endpoint.read = Duration::from_millis(200);
        endpoint.attempts = 2;
    }
    hasty
}

/// What a write and a read at `url` end with. Fails when one takes longer than the settings allow,
/// with a second for a busy machine.
async fn write_and_read(url: &str) -> (TableError, TableError) {
    let settings = hasty(url);
    let bound = settings.dynamodb.total() + Duration::from_secs(1);
    let table = table_at(&settings).await;
    let name = TableName::new("t");
    let action = [put(&name, item("a", &[]), Condition::always())];
    let written = timeout(bound, table.transact(&action))
        .await
        .expect("in time")
        .unwrap_err();
    let key = Key::id("a");
    let read = timeout(bound, table.get(&name, &key, Consistency::Strong))
        .await
        .expect("in time")
        .unwrap_err();
    (written, read)
}

#[tokio::test]
async fn a_silent_service_leaves_a_write_in_doubt() {
    let stub = Stub::answering(Answer::Silence).await;
    let (written, read) = write_and_read(&stub.url).await;
    assert!(matches!(written, TableError::Ambiguous(_)), "{written:?}");
    assert!(matches!(read, TableError::Unavailable(_)), "{read:?}");
    assert_eq!(stub.operations(), ["PutItem", "GetItem", "GetItem"]);
}

#[tokio::test]
async fn an_answer_that_stops_halfway_leaves_a_write_in_doubt() {
    let stub = Stub::answering(Answer::BrokenOff).await;
    let (written, read) = write_and_read(&stub.url).await;
    assert!(matches!(written, TableError::Ambiguous(_)), "{written:?}");
    assert!(matches!(read, TableError::Unavailable(_)), "{read:?}");
}

#[tokio::test]
async fn a_refused_connection_wrote_nothing() {
    let free = TcpSocket::new_v4().unwrap();
    free.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    // Bound and not listening: refuses, and nobody else can take the port meanwhile.
    let url = format!("http://{}", free.local_addr().unwrap());
    let (written, read) = write_and_read(&url).await;
    assert!(matches!(written, TableError::Unavailable(_)), "{written:?}");
    assert!(matches!(read, TableError::Unavailable(_)), "{read:?}");
}

#[tokio::test]
async fn a_connection_that_is_never_made_wrote_nothing() {
    let full = TcpSocket::new_v4().unwrap();
    full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listening = full.listen(0).unwrap();
    let address = listening.local_addr().unwrap();
    // Nobody accepts: once the queue is full, further connections wait.
    let mut waiting = Vec::new();
    while let Ok(connection) =
        timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        waiting.push(connection.unwrap());
        assert!(
            waiting.len() < 100,
            "the queue of this machine does not fill"
        );
    }
    let (written, read) = write_and_read(&format!("http://{address}")).await;
    assert!(matches!(written, TableError::Unavailable(_)), "{written:?}");
    assert!(matches!(read, TableError::Unavailable(_)), "{read:?}");
}

#[tokio::test]
async fn a_name_that_resolves_to_nothing_wrote_nothing() {
    let (written, read) = write_and_read("http://nobody.invalid:1").await;
    assert!(matches!(written, TableError::Unavailable(_)), "{written:?}");
    assert!(matches!(read, TableError::Unavailable(_)), "{read:?}");
}

#[tokio::test]
async fn a_silent_key_service_is_unavailable() {
    let stub = Stub::answering(Answer::Silence).await;
    let settings = hasty(&stub.url);
    let kms = kms_at(&settings).await;
    let wrapped = WrappedKey(vec![1; 64]);
    let bound = settings.kms.total() + Duration::from_secs(1);
    let context = EncryptionContext::default();
    let opened = timeout(bound, kms.unwrap(&wrapped, &context))
        .await
        .expect("in time");
    assert!(matches!(opened, Err(KeyError::Unavailable(_))));
    assert_eq!(stub.operations(), ["Decrypt", "Decrypt"]);
}

#[tokio::test]
async fn opening_a_connection_asks_nobody_for_credentials() {
    let settings = Settings {
        identity: Identity::Chain,
        ..Settings::default()
    };
    // Whoever asks somebody has to wait for the answer.
    assert!(Connection::open(&settings).now_or_never().is_some());
}
