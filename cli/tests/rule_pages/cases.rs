//! Which cases show a code: that it is found, that near misses are not, and that it is withdrawn, or what comes back does to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use compliance::rules::RULES;
use contract::Code;

use crate::root;

/// How many cases show each, and where it is found.
#[derive(Clone, Default)]
pub struct Shown {
    pub found: usize,
    pub near_misses: usize,
    pub goes: usize,
    /// Files of the workspace.
    pub places: BTreeSet<String>,
}

/// A code whose cases are tests of their own: `PATH FUNCTION`, or the path of a case.
struct Elsewhere {
    code: Code,
    found: &'static [&'static str],
    near_misses: &'static [&'static str],
    /// Empty where it is about what stays as it was: a payment, a decision.
    goes: &'static [&'static str],
}

const ELSEWHERE: &[Elsewhere] = &[
    Elsewhere {
        code: Code::FileResubmitted,
        found: &["ingest/tests/stage.rs the_finding_names_both_files"],
        near_misses: &[
            "ingest/tests/stage.rs a_changed_file_is_a_new_file",
            "ingest/tests/stage.rs partners_do_not_repeat_each_other",
        ],
        goes: &["ingest/tests/stage.rs a_correction_never_repeats_what_it_replaces_in_any_order"],
    },
    Elsewhere {
        code: Code::LineResubmitted,
        found: &["normalize/tests/stage.rs a_line_that_comes_again_counts_once"],
        near_misses: &[
            "normalize/tests/stage.rs without_line_numbers_a_repeat_inside_a_file_is_a_second_purchase",
            "normalize/tests/stage.rs a_correction_replaces_and_never_adds",
        ],
        goes: &["normalize/tests/stage.rs a_duplicate_takes_the_line_that_a_correction_gives_up"],
    },
    Elsewhere {
        code: Code::CorrectionUnmarked,
        found: &["normalize/tests/stage.rs a_line_that_comes_again_counts_once"],
        near_misses: &["normalize/tests/stage.rs a_correction_replaces_and_never_adds"],
        goes: &[
            "normalize/tests/stage.rs a_file_that_is_replaced_leaves_its_duplicates_and_conflicts_too",
            "normalize/tests/stage.rs a_steward_takes_the_new_row_and_the_old_one_waits",
        ],
    },
    Elsewhere {
        code: Code::StackOverCap,
        found: &["compliance/src/units/findings.rs a_cap_of_a_stack_is_told_of_the_amount_that_counts"],
        near_misses: &["compliance/src/units/findings.rs a_cap_takes_nothing_of_what_earns_nothing"],
        goes: &["compliance/cases/programs/stack_cap.txt"],
    },
    Elsewhere {
        code: Code::PaidTwice,
        found: &["accrual-sink/tests/sink/chains.rs paid_again_on_another_day_is_owed_back"],
        near_misses: &[
            "accrual-sink/tests/sink/chains.rs the_same_payment_twice_is_booked_once",
            "accrual-sink/tests/sink/chains.rs equal_instalments_of_one_file_are_two_and_told_again_nothing",
        ],
        goes: &[],
    },
    Elsewhere {
        code: Code::DateImplausible,
        found: &["normalize/tests/stage.rs what_is_doubted_is_held_with_its_sale"],
        near_misses: &["normalize/tests/stage.rs doubts_hold_and_unreadable_rows_leave"],
        goes: &["normalize/tests/stage.rs a_doubt_goes_with_the_row_that_raised_it"],
    },
    Elsewhere {
        code: Code::AmountMismatch,
        found: &["normalize/tests/stage.rs what_is_doubted_is_held_with_its_sale"],
        near_misses: &["normalize/tests/stage.rs what_is_doubted_is_held_with_its_sale"],
        goes: &["normalize/tests/stage.rs a_doubt_goes_with_the_row_that_raised_it"],
    },
    Elsewhere {
        code: Code::CodeTypo,
        found: &["normalize/src/matching/product.rs one_slip_from_a_known_code_is_a_typo"],
        near_misses: &[
            "normalize/src/matching/product.rs a_known_code_with_the_description_of_its_neighbour_is_a_typo",
        ],
        goes: &["normalize/tests/stage.rs a_doubt_goes_with_the_row_that_raised_it"],
    },
    Elsewhere {
        code: Code::CodeUnknown,
        found: &["normalize/tests/stage.rs a_parked_row_comes_back_when_its_product_is_known"],
        near_misses: &["normalize/tests/stage.rs codes_of_one_product_are_one"],
        goes: &["normalize/tests/stage.rs a_decision_on_a_code_reads_again_what_was_read_before"],
    },
    Elsewhere {
        code: Code::SenderUnknown,
        found: &["cli/tests/small/senders.rs a_sender_that_nobody_knows_is_let_in_by_the_master"],
        near_misses: &["cli/tests/small/senders.rs a_file_that_no_feed_is_for_waits_for_one"],
        goes: &["cli/tests/small/senders.rs a_sender_that_nobody_knows_is_let_in_by_the_master"],
    },
    Elsewhere {
        code: Code::FeedUndefined,
        found: &["cli/tests/small/senders.rs a_file_that_no_feed_is_for_waits_for_one"],
        near_misses: &["cli/tests/small/senders.rs a_sender_that_nobody_knows_is_let_in_by_the_master"],
        goes: &["cli/tests/small/senders.rs a_file_that_no_feed_is_for_waits_for_one"],
    },
    Elsewhere {
        code: Code::CurrencyMissing,
        found: &["normalize/tests/stage.rs a_sale_without_any_currency_is_held"],
        near_misses: &["normalize/tests/stage.rs a_sale_without_any_currency_is_held"],
        goes: &["normalize/tests/stage.rs a_currency_that_the_master_names_later_releases_what_it_held"],
    },
    Elsewhere {
        code: Code::CorrectionEmpty,
        found: &["ingest/tests/text.rs a_correction_without_a_readable_record_waits"],
        near_misses: &["ingest/tests/text.rs a_correction_without_a_readable_record_waits"],
        goes: &[],
    },
    Elsewhere {
        code: Code::InterimPaidAgain,
        found: &["accrual-sink/tests/sink/chains.rs a_final_payment_that_pays_the_interim_again_is_told"],
        near_misses: &[
            "accrual-sink/tests/sink/chains.rs partial_payments_complete_an_authorization_and_the_excess_is_owed_back",
        ],
        goes: &[],
    },
    Elsewhere {
        code: Code::AuthorisedUnpaid,
        found: &["accrual-sink/tests/sink/chains.rs what_is_not_paid_in_time_is_told_until_it_is"],
        near_misses: &["accrual-sink/tests/sink/chains.rs what_is_not_paid_in_time_is_told_until_it_is"],
        goes: &["accrual-sink/tests/sink/chains.rs what_is_not_paid_in_time_is_told_until_it_is"],
    },
    Elsewhere {
        code: Code::OwnDecision,
        found: &["normalize/tests/stage.rs a_decision_about_own_rows_is_told"],
        near_misses: &["normalize/tests/stage.rs a_decision_about_own_rows_is_told"],
        goes: &[],
    },
    Elsewhere {
        code: Code::PaidAbovePayable,
        found: &[
            "accrual-sink/tests/sink/chains.rs partial_payments_complete_an_authorization_and_the_excess_is_owed_back",
        ],
        near_misses: &[
            "accrual-sink/tests/sink/chains.rs equal_instalments_of_one_file_are_two_and_told_again_nothing",
        ],
        goes: &[],
    },
    Elsewhere {
        code: Code::PaidUnauthorised,
        found: &[
            "accrual-sink/tests/sink/chains.rs an_unknown_authorization_is_reported_once_by_any_number_of_partitions",
        ],
        near_misses: &["accrual-sink/tests/sink/chains.rs the_same_payment_twice_is_booked_once"],
        goes: &["accrual-sink/tests/sink/chains.rs a_payment_that_comes_before_its_authorization_waits_for_it"],
    },
    Elsewhere {
        code: Code::PaymentRefused,
        found: &["accrual-sink/tests/sink/chains.rs a_payment_in_another_currency_or_of_nothing_is_refused"],
        near_misses: &["accrual-sink/tests/sink/chains.rs the_same_payment_twice_is_booked_once"],
        goes: &[],
    },
];

/// What the edge refuses of a row or a file: it never became anything that could be taken back.
const REFUSED: [Code; 5] =
    [Code::KeyMissing, Code::DateImpossible, Code::ControlTotalWrong, Code::RowUnreadable, Code::ColumnMissing];

/// Whether a code is about what stays as it was.
pub fn stays(code: Code) -> bool {
    REFUSED.contains(&code) || ELSEWHERE.iter().any(|other| other.code == code && other.goes.is_empty())
}

/// Of each code, from all case files and the tests of [`ELSEWHERE`].
pub fn shown() -> BTreeMap<Code, Shown> {
    let mut shown: BTreeMap<Code, Shown> = Code::ALL.iter().map(|code| (*code, Shown::default())).collect();
    of_rules(&mut shown);
    of_ledger(&mut shown);
    of_files(&mut shown);
    for Elsewhere { code, found, near_misses, goes } in ELSEWHERE {
        let of = shown.get_mut(code).expect("all are there");
        for (count, tests) in [(&mut of.found, found), (&mut of.near_misses, near_misses), (&mut of.goes, goes)] {
            tests.iter().for_each(|test| is_there(test));
            *count += tests.len();
        }
        of.places.extend(found.iter().chain(*goes).map(|test| test.split(' ').next().unwrap_or_default().to_owned()));
    }
    shown
}

fn is_there(test: &str) {
    let (path, function) = test.split_once(' ').unwrap_or((test, ""));
    let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(function.is_empty() || text.contains(&format!("fn {function}()")), "{path} has no test {function}");
}

fn place(path: &Path) -> String {
    path.strip_prefix(root()).expect("it lies in the workspace").to_string_lossy().into_owned()
}

fn files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|name| name == "txt") {
                let text = std::fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    assert!(!files.is_empty());
    files
}

fn code(text: &str) -> Option<Code> {
    Code::ALL.iter().copied().find(|code| code.as_str() == text)
}

/// A case of a rule's file that does not find a code of the rule is a near miss of it.
fn of_rules(shown: &mut BTreeMap<Code, Shown>) {
    for (path, text) in files("compliance/cases/rules") {
        let rule = RULES.iter().find(|rule| path.file_stem().is_some_and(|name| name == rule.name));
        let own: BTreeSet<Code> = rule.into_iter().flat_map(|rule| rule.codes).copied().collect();
        for case in format!("\n{text}").split("\n# ").skip(1) {
            let words = || case.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            let found: BTreeSet<Code> =
                words().filter(|words| words.first() == Some(&"finds")).filter_map(|words| code(words[2])).collect();
            let comes_back = words().any(|words| words.first() == Some(&"sale") && words[4].starts_with('-'));
            for code in &found {
                let of = shown.get_mut(code).expect("all are there");
                of.found += 1;
                of.places.insert(place(&path));
            }
            for code in &own {
                let of = shown.get_mut(code).expect("all are there");
                of.near_misses += usize::from(!found.contains(code));
                of.goes += usize::from(comes_back);
            }
        }
    }
}

/// What a case of the ledger settles for a program and a beneficiary, and does not find anything of, is a near miss.
fn of_ledger(shown: &mut BTreeMap<Code, Shown>) {
    for (path, text) in files("compliance/cases/ledger").into_iter().chain(files("compliance/cases/programs")) {
        let mut settled = BTreeSet::new();
        let mut found: BTreeMap<Code, BTreeSet<(&str, &str)>> = BTreeMap::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("  > ")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [first, program, beneficiary, ..] = words[..] else { continue };
            let is_one = beneficiary.starts_with("partner:") || beneficiary.starts_with("person:");
            match code(first) {
                Some(code) => {
                    let of = shown.get_mut(&code).expect("all are there");
                    of.places.insert(place(&path));
                    let is_withdrawn = words.last() == Some(&"withdrawn");
                    *(if is_withdrawn { &mut of.goes } else { &mut of.found }) += 1;
                    found.entry(code).or_default().insert((program, beneficiary));
                }
                None if is_one => {
                    settled.insert((program, beneficiary));
                }
                None => {}
            }
        }
        let is_return =
            |line: &str| line.starts_with("sale ") && line.split_whitespace().nth(4).unwrap_or("").starts_with('-');
        let comes_back = text.lines().any(is_return);
        for (code, found) in found {
            let of = shown.get_mut(&code).expect("all are there");
            of.near_misses += settled.difference(&found).count();
            of.goes += usize::from(comes_back);
        }
    }
}

/// What files are read as: a case that does not refuse anything for a reason is a near miss of it.
fn of_files(shown: &mut BTreeMap<Code, Shown>) {
    let cases = ["ingest/cases/delimited", "ingest/cases/json-lines", "ingest/cases/x12", "ingest/cases/x12-844"];
    for (path, text) in cases.into_iter().flat_map(files) {
        for code in REFUSED {
            let of = shown.get_mut(&code).expect("all are there");
            let count = text.lines().filter(|line| line.trim_start().starts_with(code.as_str())).count();
            of.found += count;
            if count > 0 {
                of.places.insert(place(&path));
            }
            of.near_misses += usize::from(count == 0);
        }
    }
}
