//! Where people live: blocks of sixteen neighbours are laid out province by province and commune by
//! commune, so that the people of any place are one run of indices.

use super::commune::{Commune, area_communes};
use super::province::{Area, PROVINCES, Province};
use std::ops::Range;

/// People of a block are neighbours: same commune.
pub(super) const BLOCK_PEOPLE: u32 = 16;

#[derive(Clone, Debug)]
pub(super) struct Territory {
    /// First block of each province, and the number of blocks at the end.
    starts: [u32; PROVINCES.len() + 1],
}

impl Territory {
    pub(super) fn new(blocks: u32) -> Self {
        let total: u32 = PROVINCES.iter().map(Province::population).sum();
        let mut starts = [0; PROVINCES.len() + 1];
        let mut before = 0;
        for (start, province) in starts.iter_mut().skip(1).zip(&PROVINCES) {
            before += province.population();
            *start = share(blocks, before, total);
        }
        Self { starts }
    }

    pub(super) fn blocks(&self) -> u32 {
        self.starts.last().copied().unwrap_or(0)
    }

    /// `None` past the last block.
    pub(super) fn commune(&self, block: u32) -> Option<Commune> {
        let place = self.starts.partition_point(|start| *start <= block).checked_sub(1)?;
        let province = PROVINCES.get(place)?;
        // The commune is the last one that starts at or before the block.
        let (mut low, mut high) = (0, province.communes());
        while high - low > 1 {
            let middle = u16::midpoint(low, high);
            if self.first_block(place, province, middle) <= block {
                low = middle;
            } else {
                high = middle;
            }
        }
        Commune::new(province, low + 1)
    }

    pub(super) fn commune_blocks(&self, commune: Commune) -> Range<u32> {
        self.run(commune.province(), &(commune.number() - 1..commune.number()))
    }

    pub(super) fn area_blocks(&self, province: &Province, area: &Area) -> Range<u32> {
        self.run(province, &area_communes(province, area))
    }

    fn run(&self, province: &Province, communes: &Range<u16>) -> Range<u32> {
        let Some(place) = PROVINCES.iter().position(|one| one.code == province.code) else {
            return 0..0;
        };
        self.first_block(place, province, communes.start)
            ..self.first_block(place, province, communes.end)
    }

    fn first_block(&self, place: usize, province: &Province, commune: u16) -> u32 {
        let start = self.starts.get(place).copied().unwrap_or(0);
        let end = self.starts.get(place + 1).copied().unwrap_or(start);
        let total = Commune::weight_before(province, province.communes());
        start + share(end - start, Commune::weight_before(province, commune), total)
    }
}

/// `whole * part / total`, rounded down.
fn share(whole: u32, part: u32, total: u32) -> u32 {
    let share = u64::from(whole) * u64::from(part) / u64::from(total.max(1));
    u32::try_from(share).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_lies_in_exactly_the_commune_that_claims_it() {
        for blocks in [1, 2, 63, 625, 62_500] {
            let territory = Territory::new(blocks);
            assert_eq!(territory.blocks(), blocks);
            for block in 0..blocks {
                let commune = territory.commune(block).unwrap();
                assert!(territory.commune_blocks(commune).contains(&block));
                let area = commune.area().unwrap();
                assert!(territory.area_blocks(commune.province(), area).contains(&block));
            }
            assert_eq!(territory.commune(blocks), None);
        }
    }
}
