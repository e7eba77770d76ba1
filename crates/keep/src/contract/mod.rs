//! What every adapter passes: laws of the ports, each one an `async fn` that panics when it is broken.
//!
//! An adapter's test file names a maker and one macro, and each law becomes a test of its own:
//!
//! ```text
//! /// The table under test, and whatever must live as long.
//! async fn table(law: &'static str) -> (std::sync::Arc<dyn keep::Table>, tempfile::TempDir) { ... }
//! keep::table_contract!(table);
//! ```
//!
//! Likewise [`key_service_contract!`](crate::key_service_contract) (the maker gives a
//! [`KeyGround`]) and [`faulty_table_contract!`](crate::faulty_table_contract) (the maker gives a
//! [`Faulty`] table, one whose test can order faults).
//!
//! The macros hold the lists of laws; a test of this crate compares them with the laws that there
//! are, so none is forgotten.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a law speaks by panicking"
)]

pub mod faulty;
mod ground;
pub mod key_service;
pub mod table;

pub use faulty::{Faulty, FaultyGround, OrderedFault};
pub use ground::Ground;
pub use key_service::KeyGround;

/// Calls `$with!` with the names of all laws of [`Table`](crate::Table), after what else it is given.
#[doc(hidden)]
#[macro_export]
macro_rules! __table_laws {
    ($with:ident $(, $given:tt)*) => {
        $crate::$with! { $($given,)* [table]
            making_a_table_twice_is_one_table
            a_table_is_there_once_it_is_made
            a_table_is_not_made_again_with_another_key
            an_unknown_table_or_index_is_named
            an_absent_item_is_none
            a_put_item_is_read_back_whole
            a_put_replaces_the_whole_item
            every_kind_of_value_comes_back_as_it_was
            an_eventual_read_catches_up
            a_delete_removes_one_item_and_an_absent_one_is_no_error
            an_update_sets_one_attribute_and_leaves_the_others
            an_update_removes_one_attribute
            an_update_makes_an_absent_item
            items_differ_by_range_alone
            keys_are_compared_byte_by_byte
            the_generation_grows_with_every_write
            conditions_hold_and_fail_as_they_say
            equality_is_of_kind_and_value
            every_clause_must_hold
            a_failed_condition_writes_nothing
            failed_conditions_are_named_by_position
            a_transaction_over_two_tables_happens_whole_or_not_at_all
            a_hundred_actions_over_two_tables_happen_whole_or_not_at_all
            a_check_alone_is_a_transaction
            two_actions_on_one_item_are_refused
            an_item_of_400_kilobytes_is_taken_and_one_byte_more_is_refused
            an_update_does_not_grow_an_item_past_400_kilobytes
            a_transaction_takes_100_actions_and_neither_101_nor_none
            a_transaction_takes_4_megabytes_and_not_one_byte_more
            a_batch_takes_100_keys_and_not_101
            a_key_of_2048_bytes_is_taken_and_one_byte_more_is_refused
            values_nest_32_levels_and_no_more
            what_no_table_takes_is_refused
            what_is_no_key_of_the_table_is_refused
            what_no_index_takes_is_refused
            a_query_reads_one_hash_in_the_order_of_the_range
            a_query_of_an_index_reads_in_its_order
            a_query_starts_where_it_is_told
            pages_of_a_query_walk_every_item_once_under_every_limit
            pages_of_an_index_walk_every_item_once_under_every_limit
            a_page_after_the_last_item_is_empty
            a_page_start_of_another_order_is_refused
            a_strong_read_of_an_index_is_refused
            items_without_index_attributes_are_not_in_the_index
            an_index_shows_every_write_in_the_end
            pages_end_at_one_megabyte
            a_scan_walks_every_item_once_under_every_limit
            a_scan_gives_the_attributes_asked_for
            a_strong_scan_sees_every_acknowledged_write
            a_batch_leaves_out_absent_items_and_reads_duplicates_once
            a_batch_larger_than_a_page_is_completed_by_asking_again
            concurrent_increments_are_never_lost
            one_of_many_creators_wins
            concurrent_transfers_keep_the_sum
        }
    };
}

/// Calls `$with!` with the names of all laws of [`KeyService`](crate::KeyService).
#[doc(hidden)]
#[macro_export]
macro_rules! __key_service_laws {
    ($with:ident $(, $given:tt)*) => {
        $crate::$with! { $($given,)* [key_service]
            a_generated_key_opens_under_its_context
            a_wrapped_key_opens_under_its_context
            a_wrapped_key_opens_under_no_other_context
            foreign_and_damaged_bytes_do_not_open
            two_wrappings_of_one_key_differ
            random_bytes_are_as_many_as_asked_and_new_each_time
            a_master_key_has_one_full_name
            an_absent_master_key_is_named
        }
    };
}

/// Calls `$with!` with the names of all laws of [`Faulty`] tables.
#[doc(hidden)]
#[macro_export]
macro_rules! __faulty_table_laws {
    ($with:ident $(, $given:tt)*) => {
        $crate::$with! { $($given,)* [faulty]
            a_throttled_read_says_so_and_is_done_by_asking_again
            a_throttled_write_says_so_and_writes_nothing
            a_partial_batch_names_the_rest_and_is_completed_by_asking_again
            a_write_whose_answer_is_lost_is_ambiguous
            a_transaction_whose_answer_is_lost_happens_once_under_retry
            a_request_that_is_lost_is_done_by_retry
        }
    };
}

/// One `#[tokio::test]` for each law: the maker gives the thing under test and what must outlive it.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_law_a_test {
    ({ $make:path }, { $ground:path }, [$module:ident] $($law:ident)*) => {
        $(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                let (made, _outlives) = $make(stringify!($law)).await;
                $crate::contract::$module::$law($ground(made, stringify!($law))).await;
            }
        )*
    };
}

/// The names as a list of texts.
#[doc(hidden)]
#[macro_export]
macro_rules! __names_of_laws {
    ([$module:ident] $($law:ident)*) => { &[$(stringify!($law)),*] };
}

/// Makes every law of [`Table`](crate::Table) a test of its own.
///
/// `$make` is an `async fn(law: &'static str) -> (Arc<dyn Table>, impl Sized)`: a table adapter, new
/// or shared (laws name their tables apart), and whatever must live as long as the test.
#[macro_export]
macro_rules! table_contract {
    ($make:path) => {
        $crate::__table_laws! { __each_law_a_test, { $make }, { $crate::contract::Ground::new } }
    };
}

/// Makes every law of [`KeyService`](crate::KeyService) a test of its own.
///
/// `$make` is an `async fn(law: &'static str) -> (KeyGround, impl Sized)`.
#[macro_export]
macro_rules! key_service_contract {
    ($make:path) => { $crate::__key_service_laws! { __each_law_a_test, { $make }, { $crate::contract::KeyGround::for_law } } };
}

/// Makes every law of a table under ordered faults a test of its own.
///
/// `$make` is an `async fn(law: &'static str) -> (Arc<dyn Faulty>, impl Sized)`; the faults it orders
/// strike no other test.
#[macro_export]
macro_rules! faulty_table_contract {
    ($make:path) => { $crate::__faulty_table_laws! { __each_law_a_test, { $make }, { $crate::contract::FaultyGround::new } } };
}

/// The laws of [`Table`](crate::Table), in the order of [`table_contract!`](crate::table_contract).
pub const TABLE_LAWS: &[&str] = crate::__table_laws!(__names_of_laws);
/// The laws of [`KeyService`](crate::KeyService).
pub const KEY_SERVICE_LAWS: &[&str] = crate::__key_service_laws!(__names_of_laws);
/// The laws of tables under faults.
pub const FAULTY_TABLE_LAWS: &[&str] = crate::__faulty_table_laws!(__names_of_laws);
