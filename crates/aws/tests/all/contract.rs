//! The contract of the ports, on real moto.

mod tables {
    use std::sync::Arc;

    use keep::Table;
    use testkit::Moto;

    use crate::support::{settings, table_at};

    async fn table(law: &'static str) -> (Arc<dyn Table>, ()) {
        (
            Arc::new(table_at(&settings(&Moto::shared().url, law)).await),
            (),
        )
    }

    keep::table_contract!(table);
}

mod faulty_tables {
    use std::sync::Arc;

    use keep::Table;
    use keep::contract::Faulty;
    use keep::contract::faulty::OrderedFault;
    use testkit::{Fault, Moto};

    use crate::support::{settings, table_at};

    const READS: &str = "GetItem|BatchGetItem|Query|Scan";
    const WRITES: &str = "PutItem|DeleteItem|UpdateItem|TransactWriteItems";
    const THROTTLED: &str = "ProvisionedThroughputExceededException";

    /// Faults strike the calls of one law, which are signed by its name.
    struct FaultyMoto {
        table: Arc<dyn Table>,
        law: &'static str,
    }

    impl Faulty for FaultyMoto {
        fn table(&self) -> Arc<dyn Table> {
            Arc::clone(&self.table)
        }

        fn order(&self, fault: OrderedFault, times: u32) {
            let fault = match fault {
                OrderedFault::ThrottleReads => Fault::refuse(READS, THROTTLED, 400),
                OrderedFault::ThrottleWrites => Fault::refuse(WRITES, THROTTLED, 400),
                OrderedFault::PartialBatch(keys) => Fault::partial(keys),
                OrderedFault::DropReply => Fault::drop_reply(WRITES),
                OrderedFault::DropRequest => Fault::drop_request(WRITES),
            };
            Moto::shared().fault(fault.times(times).by(self.law));
        }

        fn heal(&self) {
            Moto::shared().forget_faults_by(self.law);
        }
    }

    async fn faulty(law: &'static str) -> (Arc<dyn Faulty>, ()) {
        let table = Arc::new(table_at(&settings(&Moto::shared().url, law)).await);
        (Arc::new(FaultyMoto { table, law }), ())
    }

    keep::faulty_table_contract!(faulty);
}

mod keys {
    use std::sync::Arc;

    use keep::contract::KeyGround;
    use testkit::Moto;

    use crate::support::{kms_at, settings};

    async fn keys(law: &'static str) -> (KeyGround, ()) {
        let service = Arc::new(kms_at(&settings(&Moto::shared().url, law)).await);
        let (master, absent) = ("alias/confidant".to_owned(), "alias/nobody".to_owned());
        (
            KeyGround {
                service,
                master,
                absent,
            },
            (),
        )
    }

    keep::key_service_contract!(keys);
}
