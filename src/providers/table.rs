//! `Table`: rows in memory with a bound on their number and on their bytes, because callers decide what is stored.

use std::collections::BTreeMap;

/// Rows by key. A row's bytes are those of the call that wrote it, a fair measure of what it holds.
#[derive(Debug)]
pub struct Table<K, V> {
    rows: BTreeMap<K, Row<V>>,
    bytes: usize,
    bounds: Bounds,
}

/// Assumed: enough for a training day, small enough for a laptop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub rows_max: usize,
    pub bytes_max: usize,
}

/// The table takes no further row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

#[derive(Debug)]
struct Row<V> {
    value: V,
    bytes: usize,
}

impl<K: Ord, V> Table<K, V> {
    pub const fn new(bounds: Bounds) -> Self {
        Self { rows: BTreeMap::new(), bytes: 0, bounds }
    }

    /// Adds a row or takes the place of the one with this key.
    pub fn put(&mut self, key: K, value: V, bytes: usize) -> Result<(), Full> {
        let (rows, freed) = match self.rows.get(&key) {
            Some(old) => (self.rows.len(), old.bytes),
            None => (self.rows.len().saturating_add(1), 0),
        };
        let total = self.bytes.saturating_sub(freed).saturating_add(bytes);
        if rows > self.bounds.rows_max || total > self.bounds.bytes_max {
            return Err(Full);
        }
        self.bytes = total;
        self.rows.insert(key, Row { value, bytes });
        Ok(())
    }

    /// For changes that do not make the row larger.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.rows.get_mut(key).map(|row| &mut row.value)
    }

    /// For changes that add to the row: it is charged with `bytes` more.
    pub fn grow(&mut self, key: &K, bytes: usize) -> Result<Option<&mut V>, Full> {
        let total = self.bytes.saturating_add(bytes);
        let Some(row) = self.rows.get_mut(key) else {
            return Ok(None);
        };
        if total > self.bounds.bytes_max {
            return Err(Full);
        }
        self.bytes = total;
        row.bytes = row.bytes.saturating_add(bytes);
        Ok(Some(&mut row.value))
    }

    pub fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.rows.retain(|_, row| keep(&row.value));
        self.bytes = self.rows.values().map(|row| row.bytes).sum();
    }

    pub fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key).map(|row| &row.value)
    }

    pub fn contains(&self, key: &K) -> bool {
        self.rows.contains_key(key)
    }

    /// The bytes counted for a row; 0 when there is none.
    pub fn bytes_of(&self, key: &K) -> usize {
        self.rows.get(key).map_or(0, |row| row.bytes)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.rows.iter().map(|(key, row)| (key, &row.value))
    }

    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.rows.values().map(|row| &row.value)
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Bounds = Bounds { rows_max: 2, bytes_max: 10 };

    #[test]
    fn neither_rows_nor_bytes_pass_their_bound() {
        let mut table = Table::new(SMALL);
        assert_eq!(table.put("a", 1, 4), Ok(()));
        assert_eq!(table.put("b", 2, 7), Err(Full));
        assert_eq!(table.put("b", 2, 6), Ok(()));
        assert_eq!(table.put("c", 3, 0), Err(Full));
        assert_eq!((table.len(), table.bytes_of(&"b")), (2, 6));
    }

    #[test]
    fn a_growing_row_counts() {
        let mut table = Table::new(SMALL);
        assert_eq!(table.put("a", 1, 4), Ok(()));
        assert_eq!(table.grow(&"a", 6), Ok(Some(&mut 1)));
        assert_eq!(table.grow(&"a", 1), Err(Full));
        assert_eq!(table.grow(&"b", 1), Ok(None));
        assert_eq!(table.put("b", 1, 1), Err(Full));
    }

    #[test]
    fn a_replaced_or_dropped_row_gives_its_bytes_back() {
        let mut table = Table::new(SMALL);
        assert_eq!(table.put("a", 1, 10), Ok(()));
        assert_eq!(table.put("a", 2, 9), Ok(()));
        assert_eq!(table.put("b", 3, 1), Ok(()));
        table.retain(|&value| value != 2);
        assert_eq!(table.put("c", 4, 9), Ok(()));
        assert_eq!(table.values().copied().collect::<Vec<_>>(), [3, 4]);
    }
}
