//! The real blocks, written in `cryo`'s layout and read back.

use std::path::Path;

use super::sample::{BINARY, Style, write_all};
use super::{bare, read};
use crate::block::{Block, Verification, frame_kind};
use crate::event::Event;
use crate::source::recording::{Item, Recording};

const MAINNET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/mainnet");

/// The real blocks as an archive has them; none, with one visible line, where they are not here.
fn blocks() -> Vec<Block> {
    let folder = Path::new(MAINNET);
    if !folder.exists() {
        assert!(std::env::var_os("CI").is_none(), "../shared/data is not here");
        println!("skipped: ../shared/data is not here");
        return Vec::new();
    }
    let mut recording = Recording::open(folder, &[(0, Verification::None)].into()).unwrap();
    let mut blocks = Vec::new();
    while let Some(item) = recording.next_item().unwrap() {
        let Item::Delivery(delivery) = item else { continue };
        let Event::Committed { block } = delivery.event else { continue };
        let mut block = std::sync::Arc::unwrap_or_clone(block);
        let kinds = block.frames.iter_mut().flat_map(|frames| &mut frames.kind);
        // An archive does not tell the two ways of creation apart.
        kinds.filter(|kind| **kind == frame_kind::CREATE2).for_each(|kind| *kind = frame_kind::CREATE);
        blocks.push(block);
    }
    blocks
}

#[test]
fn real_blocks_are_read_as_they_were_written() {
    let blocks = blocks();
    for style in [BINARY, Style { hex: true, decimal: true, rows_in_group: 500 }] {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = blocks.split_at(blocks.len() / 2);
        for part in [old, new].into_iter().filter(|part| !part.is_empty()) {
            write_all(folder.path(), (part[0].number, part[part.len() - 1].number), part, style);
        }
        if blocks.is_empty() {
            return;
        }
        let came = read(folder.path(), 0..=u64::MAX).unwrap();
        assert!(came.iter().all(|block| block.assurance.exceptions.len() == 1), "all is there, and adds up");
        for (came, block) in bare(came).into_iter().zip(bare(blocks.clone())) {
            assert_eq!(came, block, "block {}", block.number);
        }
    }
    let rows: usize = blocks.iter().map(|block| block.frames.as_ref().map_or(0, |frames| frames.len())).sum();
    println!("{} blocks, {rows} frames", blocks.len());
}
