//! Trains the weights of `config/matching.yaml` on the train splits of a folder of labelled sets.
//!
//! `cargo run --release -p normalize --example train -- FOLDER > config/matching.yaml`, where `FOLDER/product/SET` and
//! `FOLDER/partner/SET` hold `left.csv`, `right.csv`, `queries_train.csv` and `pairs_train*.csv`, each if there is one.

use std::error::Error;
use std::path::{Path, PathBuf};

use normalize::matching::{MatchKind, TrainingSet, train};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder holds the labelled sets?")?;
    println!(
        "# Points of the matching scorecards, in thousandths of a log-odds; written by normalize/examples/train.rs."
    );
    for (kind, name) in [(MatchKind::Product, "product"), (MatchKind::Partner, "partner")] {
        print!("{}", train(kind, &sets(&Path::new(&folder).join(name))?)?);
    }
    Ok(())
}

fn sets(folder: &Path) -> Result<Vec<TrainingSet>, Box<dyn Error>> {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    folders.sort();
    Ok(folders.iter().filter(|path| path.is_dir()).map(|path| set(path)).collect())
}

fn set(folder: &Path) -> TrainingSet {
    let file = |name: &str| Some(folder.join(name)).filter(|path| path.exists());
    let pairs = ["pairs_train_medium.csv", "pairs_train.csv"].into_iter().find_map(file);
    TrainingSet {
        name: folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        catalogue: file("right.csv"),
        feed: file("left.csv"),
        answers: file("queries_train.csv"),
        pairs: pairs.into_iter().collect(),
    }
}
