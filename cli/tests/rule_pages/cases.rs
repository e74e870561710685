//! Which cases show a code: that it is found, that near misses are not, and what comes back does to it.
//!
//! A case shows what it says of the same rule, or of the same program: that some other sale of its file comes back, or some other
//! program pays, shows nothing.

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
    pub returns: usize,
    /// Files of the workspace.
    pub places: BTreeSet<String>,
}

/// A code whose cases are tests of their own: `PATH FUNCTION`, or the path of a case.
struct Elsewhere {
    code: Code,
    found: &'static [&'static str],
    near_misses: &'static [&'static str],
    /// Empty where it is about what stays as it was: a payment, a decision.
    withdrawn: &'static [&'static str],
    /// Empty where it is about a file, a row or a decision, whatever goods it is about.
    returns: &'static [&'static str],
}

const ELSEWHERE: &[Elsewhere] = &[
    Elsewhere {
        code: Code::FileResubmitted,
        found: &["ingest/tests/stage.rs the_finding_names_both_files"],
        near_misses: &[
            "ingest/tests/stage.rs a_changed_file_is_a_new_file",
            "ingest/tests/stage.rs partners_do_not_repeat_each_other",
        ],
        withdrawn: &["ingest/tests/stage.rs a_correction_never_repeats_what_it_replaces_in_any_order"],
        returns: &[],
    },
    Elsewhere {
        code: Code::LineResubmitted,
        found: &["normalize/tests/stage.rs a_line_that_comes_again_counts_once"],
        near_misses: &[
            "normalize/tests/stage.rs without_line_numbers_a_repeat_inside_a_file_is_a_second_purchase",
            "normalize/tests/stage.rs a_correction_replaces_and_never_adds",
        ],
        withdrawn: &["normalize/tests/stage.rs a_duplicate_takes_the_line_that_a_correction_gives_up"],
        returns: &[],
    },
    Elsewhere {
        code: Code::CorrectionUnmarked,
        found: &["normalize/tests/stage.rs a_line_that_comes_again_counts_once"],
        near_misses: &["normalize/tests/stage.rs a_correction_replaces_and_never_adds"],
        withdrawn: &[
            "normalize/tests/stage.rs a_file_that_is_replaced_leaves_its_duplicates_and_conflicts_too",
            "normalize/tests/stage.rs a_steward_takes_the_new_row_and_the_old_one_waits",
        ],
        returns: &[],
    },
    Elsewhere {
        code: Code::StackOverCap,
        found: &["compliance/src/units/findings.rs a_cap_of_a_stack_is_told_of_the_amount_that_counts"],
        near_misses: &["compliance/src/units/findings.rs a_cap_takes_nothing_of_what_earns_nothing"],
        withdrawn: &[],
        returns: &["compliance/cases/programs/stack_cap.txt"],
    },
    Elsewhere {
        code: Code::PaidTwice,
        found: &["accrual-sink/tests/sink/chains.rs paid_again_on_another_day_is_owed_back"],
        near_misses: &[
            "accrual-sink/tests/sink/chains.rs the_same_payment_twice_is_booked_once",
            "accrual-sink/tests/sink/chains.rs equal_instalments_of_one_file_are_two_and_told_again_nothing",
        ],
        withdrawn: &[],
        returns: &[
            "accrual-sink/tests/sink/returns.rs what_came_back_before_the_payment_was_not_payable",
            "accrual-sink/tests/sink/returns.rs what_comes_back_behind_a_second_payment_is_owed_back_too",
        ],
    },
    Elsewhere {
        code: Code::DateImplausible,
        found: &["normalize/tests/stage.rs what_is_doubted_is_held_with_its_sale"],
        near_misses: &["normalize/tests/stage.rs doubts_hold_and_unreadable_rows_leave"],
        withdrawn: &["normalize/tests/stage.rs a_doubt_goes_with_the_row_that_raised_it"],
        returns: &[],
    },
    Elsewhere {
        code: Code::AmountMismatch,
        found: &["normalize/tests/stage.rs what_is_doubted_is_held_with_its_sale"],
        near_misses: &["normalize/tests/stage.rs what_is_doubted_is_held_with_its_sale"],
        withdrawn: &["normalize/tests/stage.rs a_doubt_goes_with_the_row_that_raised_it"],
        returns: &[],
    },
    Elsewhere {
        code: Code::CodeTypo,
        found: &["normalize/src/matching/product.rs one_slip_from_a_known_code_is_a_typo"],
        near_misses: &[
            "normalize/src/matching/product.rs a_known_code_with_the_description_of_its_neighbour_is_a_typo",
        ],
        withdrawn: &["normalize/tests/stage.rs a_doubt_goes_with_the_row_that_raised_it"],
        returns: &[],
    },
    Elsewhere {
        code: Code::CodeUnknown,
        found: &["normalize/tests/stage.rs a_parked_row_comes_back_when_its_product_is_known"],
        near_misses: &["normalize/tests/stage.rs codes_of_one_product_are_one"],
        withdrawn: &["normalize/tests/stage.rs a_decision_on_a_code_reads_again_what_was_read_before"],
        returns: &[],
    },
    Elsewhere {
        code: Code::SenderUnknown,
        found: &["cli/tests/small/senders.rs a_sender_that_nobody_knows_is_let_in_by_the_master"],
        near_misses: &["cli/tests/small/senders.rs a_file_that_no_feed_is_for_waits_for_one"],
        withdrawn: &["cli/tests/small/senders.rs a_sender_that_nobody_knows_is_let_in_by_the_master"],
        returns: &[],
    },
    Elsewhere {
        code: Code::FeedUndefined,
        found: &["cli/tests/small/senders.rs a_file_that_no_feed_is_for_waits_for_one"],
        near_misses: &["cli/tests/small/senders.rs a_sender_that_nobody_knows_is_let_in_by_the_master"],
        withdrawn: &["cli/tests/small/senders.rs a_file_that_no_feed_is_for_waits_for_one"],
        returns: &[],
    },
    Elsewhere {
        code: Code::CurrencyMissing,
        found: &["normalize/tests/stage.rs a_sale_without_any_currency_is_held"],
        near_misses: &["normalize/tests/stage.rs a_sale_without_any_currency_is_held"],
        withdrawn: &["normalize/tests/stage.rs a_currency_that_the_master_names_later_releases_what_it_held"],
        returns: &[],
    },
    Elsewhere {
        code: Code::CorrectionEmpty,
        found: &["ingest/tests/text.rs a_correction_without_a_readable_record_waits"],
        near_misses: &["ingest/tests/text.rs a_correction_without_a_readable_record_waits"],
        withdrawn: &[],
        returns: &[],
    },
    Elsewhere {
        code: Code::InterimPaidAgain,
        found: &["accrual-sink/tests/sink/chains.rs a_final_payment_that_pays_the_interim_again_is_told"],
        near_misses: &[
            "accrual-sink/tests/sink/chains.rs partial_payments_complete_an_authorization_and_the_excess_is_owed_back",
        ],
        withdrawn: &[],
        returns: &[
            "accrual-sink/tests/sink/returns.rs what_comes_back_behind_an_interim_that_was_paid_again_is_owed_back_too",
        ],
    },
    Elsewhere {
        code: Code::AuthorisedUnpaid,
        found: &["accrual-sink/tests/sink/chains.rs what_is_not_paid_in_time_is_told_until_it_is"],
        near_misses: &["accrual-sink/tests/sink/chains.rs what_is_not_paid_in_time_is_told_until_it_is"],
        withdrawn: &["accrual-sink/tests/sink/chains.rs what_is_not_paid_in_time_is_told_until_it_is"],
        returns: &[],
    },
    Elsewhere {
        code: Code::OwnDecision,
        found: &["normalize/tests/stage.rs a_decision_about_own_rows_is_told"],
        near_misses: &["normalize/tests/stage.rs a_decision_about_own_rows_is_told"],
        withdrawn: &[],
        returns: &[],
    },
    Elsewhere {
        code: Code::PaidAbovePayable,
        found: &[
            "accrual-sink/tests/sink/chains.rs partial_payments_complete_an_authorization_and_the_excess_is_owed_back",
        ],
        near_misses: &[
            "accrual-sink/tests/sink/chains.rs equal_instalments_of_one_file_are_two_and_told_again_nothing",
        ],
        withdrawn: &[],
        returns: &["accrual-sink/tests/sink/returns.rs what_came_back_before_the_payment_was_not_payable"],
    },
    Elsewhere {
        code: Code::PaidUnauthorised,
        found: &[
            "accrual-sink/tests/sink/chains.rs an_unknown_authorization_is_reported_once_by_any_number_of_partitions",
        ],
        near_misses: &["accrual-sink/tests/sink/chains.rs the_same_payment_twice_is_booked_once"],
        withdrawn: &["accrual-sink/tests/sink/chains.rs a_payment_that_comes_before_its_authorization_waits_for_it"],
        returns: &[],
    },
    Elsewhere {
        code: Code::PaymentRefused,
        found: &["accrual-sink/tests/sink/chains.rs a_payment_in_another_currency_or_of_nothing_is_refused"],
        near_misses: &["accrual-sink/tests/sink/chains.rs the_same_payment_twice_is_booked_once"],
        withdrawn: &[],
        returns: &["accrual-sink/tests/sink/returns.rs what_comes_back_makes_a_write_off_possible"],
    },
];

/// What the edge refuses of a row or a file, which never became anything that could be taken back, with near misses below
/// `ingest/cases`.
const REFUSED: [(Code, &[&str]); 5] = [
    (Code::KeyMissing, &["delimited/structure", "x12-844/lines-by-contract"]),
    (Code::DateImpossible, &["x12-844/dates-of-the-whole"]),
    (Code::ControlTotalWrong, &["delimited/report-totals", "x12-844/totals-of-unread-lines"]),
    (Code::RowUnreadable, &["delimited/structure", "delimited/old-line-ends", "delimited/utf-16"]),
    (Code::ColumnMissing, &["delimited/other-headers"]),
];

/// Whether nothing is shown of a code by what comes back: it is about a file, a row or a decision.
pub fn is_of_no_goods(code: Code) -> bool {
    REFUSED.iter().any(|(refused, _)| *refused == code)
        || ELSEWHERE.iter().any(|other| other.code == code && other.returns.is_empty())
}

/// Of each code, from all case files and the tests of [`ELSEWHERE`].
pub fn shown() -> BTreeMap<Code, Shown> {
    let mut shown: BTreeMap<Code, Shown> = Code::ALL.iter().map(|code| (*code, Shown::default())).collect();
    of_rules(&mut shown);
    of_ledger(&mut shown);
    of_files(&mut shown);
    for Elsewhere { code, found, near_misses, withdrawn, returns } in ELSEWHERE {
        let of = shown.get_mut(code).expect("all are there");
        for (count, tests) in [(&mut of.found, found), (&mut of.near_misses, near_misses), (&mut of.returns, returns)] {
            *count += tests.len();
            tests.iter().for_each(|test| is_there(test));
        }
        withdrawn.iter().for_each(|test| is_there(test));
        let places = found.iter().chain(*withdrawn).chain(*returns);
        of.places.extend(places.map(|test| test.split(' ').next().unwrap_or_default().to_owned()));
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

/// A case of a rule's file that finds none of the rule's codes is a near miss of them. One shows what comes back where it finds a code,
/// and a partner of a record that the finding names takes goods back.
fn of_rules(shown: &mut BTreeMap<Code, Shown>) {
    for (path, text) in files("compliance/cases/rules") {
        let rule = RULES.iter().find(|rule| path.file_stem().is_some_and(|name| name == rule.name));
        let own: BTreeSet<Code> = rule.into_iter().flat_map(|rule| rule.codes).copied().collect();
        for case in format!("\n{text}").split("\n# ").skip(1) {
            let lines: Vec<Vec<&str>> = case.lines().map(|line| line.split_whitespace().collect()).collect();
            let of = |word: &'static str| lines.iter().filter(move |words| words.first() == Some(&word));
            let sellers: Vec<&str> = of("sale").map(|words| words[1]).collect();
            let take_back: BTreeSet<&str> =
                of("sale").filter(|words| words[4].starts_with('-')).map(|words| words[1]).collect();
            let mut found: BTreeMap<Code, bool> = BTreeMap::new();
            for words in of("finds") {
                let numbers = [Some(words[1]), words.get(4).copied().filter(|_| words.get(3) == Some(&"about"))];
                let named = numbers.into_iter().flatten().map(|number| sellers[number.parse::<usize>().unwrap() - 1]);
                let comes_back = named.into_iter().any(|seller| take_back.contains(seller));
                let code = code(words[2]).unwrap_or_else(|| panic!("{}: {} is no code", path.display(), words[2]));
                *found.entry(code).or_default() |= comes_back;
            }
            for (code, comes_back) in &found {
                let of = shown.get_mut(code).expect("all are there");
                of.found += 1;
                of.returns += usize::from(*comes_back && own.contains(code));
                of.places.insert(place(&path));
            }
            if own.iter().all(|code| !found.contains_key(code)) {
                own.iter().for_each(|code| shown.get_mut(code).expect("all are there").near_misses += 1);
            }
        }
    }
}

/// A settlement of a scenario: program, beneficiary and period, which is empty where a finding names none.
type Settled<'t> = (&'t str, &'t str, &'t str);

/// What a scenario of the ledger says of a code.
#[derive(Default)]
struct Scene<'t> {
    found: usize,
    about: BTreeSet<Settled<'t>>,
}

/// What a case of the ledger settles for a program, and does not find anything of that it finds of the same program, is a near miss; so
/// is a case that says so in its first line, `# near: CODE`. One shows what comes back where the partner that a code is found about
/// takes goods back under that program.
fn of_ledger(shown: &mut BTreeMap<Code, Shown>) {
    for (path, text) in files("compliance/cases/ledger").into_iter().chain(files("compliance/cases/programs")) {
        let (settled, scenes) = told(&text);
        for (code, scene) in &scenes {
            let of = shown.get_mut(code).expect("all are there");
            of.found += scene.found;
            of.returns += usize::from(scene.about.iter().any(|about| comes_back(&text, *about)));
            of.near_misses += settled.iter().filter(|settled| scene.is_missed_by(**settled)).count();
            of.places.insert(place(&path));
        }
        if let Some(near) = text.lines().next().and_then(|line| line.strip_prefix("# near: ")) {
            let code = code(near).unwrap_or_else(|| panic!("{}: {near} is no code", path.display()));
            assert!(!scenes.contains_key(&code), "{} finds {code}, of which it is a near miss", path.display());
            shown.get_mut(&code).expect("all are there").near_misses += 1;
        }
    }
}

impl Scene<'_> {
    /// Whether a settlement is one of a program that something was found about, and nothing was found about it.
    fn is_missed_by(&self, (program, beneficiary, period): Settled<'_>) -> bool {
        self.about.iter().any(|about| about.0 == program)
            && ["", period].iter().all(|period| !self.about.contains(&(program, beneficiary, period)))
    }
}

/// The settlements of a scenario, and what is found in it.
fn told(text: &str) -> (BTreeSet<Settled<'_>>, BTreeMap<Code, Scene<'_>>) {
    let mut settled = BTreeSet::new();
    let mut scenes: BTreeMap<Code, Scene<'_>> = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("  > ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [first, program, beneficiary, period, ..] = words[..] else { continue };
        match code(first) {
            Some(_) if words.last() == Some(&"withdrawn") => {}
            Some(code) => {
                let said = line.split_once(" risk: ").map_or("", |(_, said)| said);
                let (period, _) = said.split_once(": ").filter(|(first, _)| is_period(first)).unwrap_or_default();
                let scene = scenes.entry(code).or_default();
                scene.found += 1;
                scene.about.insert((program, beneficiary, period));
            }
            None if beneficiary.starts_with("partner:") || beneficiary.starts_with("person:") => {
                settled.insert((program, beneficiary, period));
            }
            None => {}
        }
    }
    (settled, scenes)
}

/// `2013`, `2013-Q1` or `2013-01`.
fn is_period(word: &str) -> bool {
    matches!(word.len(), 4 | 7) && word.starts_with(|first: char| first.is_ascii_digit())
}

/// Whether the partner of a settlement takes goods back that its program may count.
fn comes_back(text: &str, (program, beneficiary, _): Settled<'_>) -> bool {
    let partner = beneficiary.split_once(':').map_or("", |(_, who)| who.split('/').next().unwrap_or_default());
    let is_return = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["sale", _, seller, _, quantity, options @ ..] = &words[..] else { return false };
        let is_for_others = |option: &&str| {
            option.strip_prefix("programs=").is_some_and(|programs| programs.split(',').all(|one| one != program))
        };
        *seller == partner && quantity.starts_with('-') && !options.iter().any(is_for_others)
    };
    text.lines().any(is_return)
}

/// What files are read as.
fn of_files(shown: &mut BTreeMap<Code, Shown>) {
    let cases = ["ingest/cases/delimited", "ingest/cases/json-lines", "ingest/cases/x12", "ingest/cases/x12-844"];
    let count =
        |text: &str, code: Code| text.lines().filter(|line| line.trim_start().starts_with(code.as_str())).count();
    for (path, text) in cases.into_iter().flat_map(files) {
        for (code, _) in REFUSED {
            let of = shown.get_mut(&code).expect("all are there");
            let count = count(&text, code);
            of.found += count;
            if count > 0 {
                of.places.insert(place(&path));
            }
        }
    }
    for (code, near) in REFUSED {
        for case in near {
            let path = root().join("ingest/cases").join(case).join("expected.txt");
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(count(&text, code), 0, "{case} finds {code}, of which it is a near miss");
            shown.get_mut(&code).expect("all are there").near_misses += 1;
        }
    }
}
