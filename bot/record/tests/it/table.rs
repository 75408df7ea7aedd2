//! Tables: rows, the versions that decisions compare, and the changes that projections are told.

use folkops_record::{AnyTable, RowChange, Table};

fn table() -> Table<u32, String> {
    Table::new("t")
}

fn change(key: &str, value: Option<&str>) -> RowChange {
    RowChange { key: key.into(), value: value.map(Into::into) }
}

#[test]
fn a_rows_version_is_the_record_that_last_changed_it_and_a_tables_the_last_of_all() {
    let mut table = table();
    table.put(3, 1, "a".into());
    table.put(5, 2, "b".into());
    table.change(8, &1, |text| text.push('!'));
    assert_eq!(table.version_of(Some("1")), 8);
    assert_eq!(table.version_of(Some("2")), 5);
    assert_eq!(table.version_of(None), 8);
}

#[test]
fn a_row_that_is_not_there_has_version_zero_and_its_going_moves_the_table() {
    let mut table = table();
    table.put(3, 1, "a".into());
    assert_eq!(table.remove(4, &1), Some("a".into()));
    assert_eq!(table.version_of(Some("1")), 0);
    assert_eq!(table.version_of(Some("not a key")), 0);
    assert_eq!(table.version_of(None), 4);
}

#[test]
fn what_changes_nothing_moves_nothing() {
    let mut table = table();
    table.put(3, 1, "a".into());
    table.take_changes().unwrap();
    assert_eq!(table.remove(4, &2), None);
    table.change(5, &2, |text| text.push('!'));
    assert_eq!(table.version_of(None), 3);
    assert_eq!(table.take_changes().unwrap(), []);
}

#[test]
fn changes_are_told_once_as_the_last_state_of_each_row() {
    let mut table = table();
    table.put(1, 10, "a".into());
    table.put(2, 9, "b".into());
    table.put(3, 10, "c".into());
    table.put(4, 11, "d".into());
    table.remove(5, &11);
    let told = [change("t/9", Some(r#"[2,"b"]"#)), change("t/10", Some(r#"[3,"c"]"#)), change("t/11", None)];
    assert_eq!(table.take_changes().unwrap(), told);
    assert_eq!(table.take_changes().unwrap(), []);
}

#[test]
fn a_table_restored_from_its_export_is_the_same_with_its_versions() {
    let mut first = table();
    first.put(1, 10, "a".into());
    first.put(7, 9, "b".into());
    let mut second = table();
    for row in first.export().unwrap() {
        let key = row.key.strip_prefix("t/").unwrap();
        assert!(second.restore(key, &row.value.unwrap()));
    }
    assert_eq!(second.export().unwrap(), first.export().unwrap());
    assert_eq!((second.version_of(Some("10")), second.version_of(None)), (1, 7));
    assert_eq!(second.take_changes().unwrap(), [], "what comes from the projection is not told to it again");
}

#[test]
fn rows_of_another_shape_are_not_restored() {
    let mut table = table();
    assert!(!table.restore("x", br#"[1,"a"]"#));
    assert!(!table.restore("1", br#"[1,2]"#));
    assert!(!table.restore("1", b"[1,"));
    assert!(table.is_empty());
}

#[test]
fn rows_stand_in_the_order_of_their_keys_not_of_their_text() {
    let mut table = table();
    for key in [10, 9, 100, 1] {
        table.put(1, key, key.to_string());
    }
    assert_eq!(table.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [1, 9, 10, 100]);
    assert_eq!(table.range(9..=10).map(|(key, _)| *key).collect::<Vec<_>>(), [9, 10]);
}
