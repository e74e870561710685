//! The state of a partition behaves as a plain sorted map, whatever is cached, committed or still on its way.

use std::collections::VecDeque;

use crate::toy::Dice;
use stream::overlay::Overlay;
use stream::store::{Changes, Column};
use stream::{MemoryState, MemoryStore, Order, PartitionState, State, Store, TableId};

fn key(dice: &mut Dice) -> Vec<u8> {
    (0..1 + dice.roll(3)).map(|_| b"abc\xff"[dice.roll(4) as usize]).collect()
}

/// One step on both; they must answer alike.
fn step(dice: &mut Dice, state: &mut dyn State, model: &mut MemoryState) {
    let (table, key) = (TableId(dice.roll(3) as u8), key(dice));
    match dice.roll(6) {
        0 => {
            let value = vec![dice.roll(3) as u8; dice.roll(4) as usize];
            state.put(table, &key, value.clone()).unwrap();
            model.put(table, &key, value).unwrap();
        }
        1 => {
            state.delete(table, &key).unwrap();
            model.delete(table, &key).unwrap();
        }
        2 => {
            state.append(table, &key, b"+").unwrap();
            model.append(table, &key, b"+").unwrap();
        }
        3 | 4 => {
            let to = self::key(dice);
            let order = [Order::Up, Order::Down][dice.roll(2) as usize];
            let limit = [1, 2, 5, usize::MAX][dice.roll(4) as usize];
            let found = state.range(table, &key, &to, order, limit).unwrap();
            assert_eq!(found, model.range(table, &key, &to, order, limit).unwrap());
        }
        _ => assert_eq!(state.get(table, &key).unwrap(), model.get(table, &key).unwrap()),
    }
}

fn everything(state: &mut dyn State) -> Vec<Vec<(Vec<u8>, Vec<u8>)>> {
    (0..3).map(|table| state.range(TableId(table), &[], &[0xff; 9], Order::Up, usize::MAX).unwrap()).collect()
}

/// Epochs on one partition, with commits that come late.
fn epochs(seed: u64) {
    let mut dice = Dice(seed);
    let store = MemoryStore::new();
    let mut overlay = Overlay::new(3, 517, 0, dice.roll(3) as usize * 2_000);
    let mut model = MemoryState::default();
    let mut waiting: VecDeque<Changes> = VecDeque::new();
    let mut committed = 0;
    for epoch in 1..40 {
        overlay.begin(epoch, committed);
        let mut state = PartitionState::new(&store, &mut overlay);
        let mut wanted = (0..dice.roll(6)).map(|_| (TableId(dice.roll(3) as u8), key(&mut dice))).collect();
        state.prefetch(&mut wanted).unwrap();
        for _ in 0..dice.roll(25) {
            step(&mut dice, &mut state, &mut model);
            if dice.roll(9) == 0 {
                committed += commit(&store, waiting.pop_front());
            }
        }
        waiting.push_back(overlay.seal());
        while waiting.len() > 3 {
            committed += commit(&store, waiting.pop_front());
        }
    }
    for changes in waiting {
        commit(&store, Some(changes));
    }
    let mut reopened = PartitionState::new(&store, Overlay::new(3, 517, 39, 0));
    assert_eq!(everything(&mut reopened), everything(&mut model));
    let mut neighbour = PartitionState::new(&store, Overlay::new(3, 518, 39, 0));
    assert!(everything(&mut neighbour).iter().all(Vec::is_empty));
}

/// The commits that happened: one or none.
fn commit(store: &MemoryStore, changes: Option<Changes>) -> u64 {
    let Some(changes) = changes else {
        return 0;
    };
    store.write(&[(Column::State, &changes)]).unwrap();
    1
}

#[test]
fn it_answers_as_a_map_does() {
    (0..400).for_each(epochs);
}
