//! Lists that may be long for a moment, and are to leave nothing behind.

/// What takes less is of no account.
const SMALL_BYTES: usize = 256 * 1024;

/// The C library maps a block beyond 32 MiB for itself and gives it back when it is freed, always. Of smaller
/// ones it learns to keep as much again, and whatever came behind them. What is not written to takes no memory.
const OWN_BLOCK_BYTES: usize = 33 << 20;

/// Makes room for one more item, or `more` of them: a list that is not small any more gets a block of its own.
pub fn make_room<T>(list: &mut Vec<T>, more: usize) {
    let wanted = (list.len() + more) * size_of::<T>();
    if wanted > SMALL_BYTES && list.len() + more > list.capacity() {
        let bytes = OWN_BLOCK_BYTES.max(2 * wanted);
        list.reserve_exact(bytes / size_of::<T>() - list.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_moved_once() {
        let mut list: Vec<u64> = Vec::new();
        let mut blocks = std::collections::HashSet::new();
        for number in 0..1_000_000 {
            make_room(&mut list, 1);
            list.push(number);
            blocks.insert(list.capacity());
        }
        assert!(blocks.iter().filter(|capacity| *capacity * 8 > SMALL_BYTES).count() == 1, "{blocks:?}");
    }
}
