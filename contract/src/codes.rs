//! Stable codes. Numbers are never reused; scripts outside the project look for them.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($name:ident = $text:literal, $decision:ident, $meaning:literal;)*) => {
        /// What a finding or a reject is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($name,)* }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// The decision that the code leads to.
            pub fn decision(self) -> Decision {
                match self { $(Code::$name => Decision::$decision,)* }
            }

            /// One line for people.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => $meaning,)* }
            }
        }
    };
}

codes! {
    FileResubmitted = "DD-01", Block, "the same file again";
    LineResubmitted = "DD-02", Block, "the same line again in a later file";
    CorrectionUnmarked = "DD-03", Hold, "same key, other content, in a file not marked as a correction";
    OverlappingFeeds = "DD-04", Block, "the same sale through two feeds of one partner family";
    NearDuplicateDocument = "DD-05", Hold, "the same sale under a slightly different document number";
    SerialTwiceSamePartner = "DD-06", Block, "a serial number sold twice by one partner";
    SerialTwoPartners = "DD-07", Hold, "a serial number sold by two partners";
    TwoTiersReport = "DD-08", Block, "distributor and reseller report the same units";
    ExclusivePrograms = "DD-11", Adjust, "two programs of one exclusivity group on one sale";
    ReturnAndResell = "DD-16", Clawback, "the first benefit of a unit that was returned and sold again";
    SplitUnclear = "DD-17", Hold, "a sale names several persons and nobody says who gets what";
    ProofReused = "DD-24", Hold, "one proof for two activities";
    DoubleSpend = "DD-25", Block, "more points to be redeemed than there are";
    SaleInTwoPeriods = "DD-23", Block, "the same sale dated into two periods";
    MovementAsSale = "DD-28", Block, "a stock movement reported as a sale";
    AuthorisedQuantity = "OP-05", Adjust, "more units than a special price was authorised for";
    OutsidePeriod = "OP-06", Block, "sale date outside the program";
    ReportedLate = "OP-07", Adjust, "reported after the days within which a sale is paid in full";
    ProductIneligible = "OP-09", Block, "product not in the program on the sale date";
    ThresholdNotMet = "OP-12", Defer, "the program's threshold is not reached";
    TierMiscalculated = "OP-13", Adjust, "the tier moved after the fact";
    BasisPolluted = "OP-14", Adjust, "held or returned units left out of the measure";
    BaselineMissing = "OP-15", Defer, "no baseline or score that the benefit goes by";
    CapExceeded = "OP-16", Adjust, "a cap bound the benefit";
    BudgetOverrun = "OP-17", Hold, "the program's budget is used up";
    ResaleAbove = "OP-18", Adjust, "sold above the resale price that was to be passed on";
    CostBasisWrong = "OP-19", Adjust, "a special price is not reckoned from what the units cost";
    InventoryExceeded = "OP-20", Hold, "more sold than was shipped in";
    ReturnAfterPayment = "OP-24", Clawback, "goods came back after the benefit was authorised";
    BelowMinimumPayout = "OP-35", Defer, "too little is due for a payment";
    BenefitExpired = "OP-41", Block, "points or a fund that had expired";
    ActivityAboveApproval = "OP-42", Adjust, "an activity above what was approved or what the fund holds";
    SignWrong = "OP-48", Hold, "type and sign of a line disagree";
    KeyMissing = "DQ-01", Block, "a key field is missing";
    DateImpossible = "DQ-02", Block, "a date that the calendar does not have";
    DateImplausible = "DQ-03", Hold, "a date that does not fit the file's period";
    AmountMismatch = "DQ-04", Hold, "amount differs from quantity times price";
    CodeTypo = "DQ-05", Hold, "a product code one slip from a known one";
    ReturnAboveSold = "DQ-06", Hold, "more returned than sold";
    CodeUnknown = "DQ-07", Hold, "a product code nobody knows";
    RateMissing = "DQ-08", Alert, "no exchange rate for the sale date";
    ControlTotalWrong = "DQ-09", Hold, "a control total does not agree with the rows";
    RowUnreadable = "DQ-10", Block, "a row that cannot be read";
    PaidTwice = "DD-29", Clawback, "an authorization that was paid in full is paid again";
    PaidAbovePayable = "OP-49", Clawback, "more was paid than was payable";
    OwnDecision = "OP-40", Alert, "who is paid for a partner's sales decided about its rows";
    InterimPaidAgain = "OP-30", Clawback, "a final payment pays the interim again";
    PaidUnauthorised = "OP-50", Alert, "a payment or write-off of an authorization that has not been issued";
    PaymentRefused = "OP-51", Alert, "a payment or write-off that cannot be booked: another currency than authorised, nothing paid or owed back";
    SenderUnknown = "DQ-11", Block, "a file from a sender that the master does not know";
    FeedUndefined = "DQ-12", Hold, "a file that no feed definition is for";
    CurrencyMissing = "DQ-13", Hold, "a line whose currency nobody names";
    CorrectionEmpty = "DQ-14", Hold, "a correction without a readable record";
    PartnerIneligible = "OP-08", Block, "the partner does not take part in the program on the sale date";
    EndCustomerWrong = "OP-10", Hold, "the customer is not the one that the program is for";
    OutsideTerritory = "OP-11", Block, "goods go outside the program's territory";
    FreeGoods = "OP-33", Block, "goods given away, under a program that pays for sales only";
    CircularSale = "DD-30", Hold, "goods sold back to the partner that sold them";
    NeverAuthorised = "UP-01", Alert, "due and not claimed, or not authorised when the period closed";
    TierNearlyReached = "UP-02", Alert, "little is missing to the next tier or threshold";
    EarnedNothing = "UP-03", Alert, "sales count and nothing is due for them";
    AuthorisedUnpaid = "UP-04", Alert, "authorised and not paid in time";
    Outlier = "OP-36", Alert, "a period, or its last days, far above what is usual for the partner";
    UnauthorisedSource = "OP-21", Block, "a product that was never shipped in to the partner";
    UnitOfMeasure = "OP-27", Hold, "a price that is not that of the counted unit";
    SerialNeverIssued = "DD-31", Block, "a serial number that was never issued";
    OnePersonTwice = "DD-19", Hold, "one payee under two names or with two partners";
    RestrictedParty = "OP-39", Block, "partner or buyer on a list of restricted parties";
    PersonIneligible = "OP-43", Block, "the person is not registered with the partner on the sale date";
    CompanyAsPerson = "DD-18", Block, "a company named where a person is paid";
    SaleToPartner = "OP-34", Block, "another partner buys, under a program for sales to end users";
    AuthorisationReused = "DD-15", Block, "a special price that was authorised for another partner, or for nobody";
    CustomerSplit = "OP-46", Hold, "a special price used for another site of its customer";
    ProofMissing = "OP-37", Defer, "evidence that the program asks for is missing";
    SaleUnpaid = "OP-32", Defer, "the customer has not paid, under a program for paid invoices only";
    ConsumerRebatePaid = "DD-22", Block, "the end customer was paid a rebate for the unit";
    DropShipCounted = "DD-27", Block, "an order that the manufacturer delivered itself, reported as a sale from stock";
    Deducted = "DD-10", Hold, "the partner has deducted the amount from an invoice";
    OnePartnerTwice = "DD-20", Hold, "two entries of one partner use a cap twice";
    PayeeUnsure = "OP-38", Hold, "the payee's account is new or another's";
    ReturnInLaterPeriod = "OP-25", Adjust, "goods of a frozen period came back in a later one";
    RateOdd = "OP-26", Alert, "an exchange rate far from those around it, or turned over";
    TablesCorrected = "OP-45", Hold, "given, or valued in the books, by tables that were corrected since";
    RoundingDrifts = "OP-29", Alert, "rounding each sale changes what is due";
    PriceWithTax = "OP-28", Adjust, "a price that includes sales tax";
    AccrualClaimed = "DD-09", Block, "what is paid without a claim, or by another line, is claimed too";
    ClaimRateWrong = "OP-01", Adjust, "more claimed for a unit than the program gives";
    ClaimExtensionWrong = "OP-02", Adjust, "a claimed total above units times what is claimed for one";
    ClaimQuantityAbove = "OP-03", Adjust, "more units claimed than were sold, net of returns";
    ProtectedQuantityAbove = "OP-22", Adjust, "more units claimed than were bought in time before the price was cut";
    ClaimOrphan = "OP-04", Block, "a claim for which no sale earns anything";
    ClaimAboveDue = "OP-44", Adjust, "more claimed than is due";
    StrungOnGross = "DD-13", Adjust, "a claim on the gross amount, where earlier programs of the stack come off first";
    StackOverCap = "DD-12", Adjust, "programs that stack give more for one sale than they may together";
    ProgramAmended = "OP-31", Hold, "a program version that came when the period had frozen";
    FigureChanged = "OP-47", Hold, "a baseline or score that became another after the period had frozen";
    PackAndPieces = "DD-21", Hold, "packs of a product and the pieces in them on one document";
    ProtectedUnitsGone = "OP-23", Adjust, "units claimed that were sold or went back before the price was cut";
    DebitAfterProtection = "DD-14", Adjust, "ship and debit from a cost that price protection has credited";
    SellInAndThrough = "DD-26", Adjust, "units that earn at resale, under a program for purchases that excludes that";
    AmountMissing = "DQ-15", Defer, "neither a price nor an amount, under a program that goes by the amount";
    ColumnMissing = "DQ-16", Alert, "a column of the feed definition that the file or its rows lack";
    OutlierHeld = "OP-52", Hold, "a period far above what is usual for the partner, under a program that holds it";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What happens to the money (domain notes §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Decision {
    Allow,
    Adjust,
    Defer,
    Hold,
    Block,
    Alert,
    Clawback,
}

impl Decision {
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Allow => "allow",
            Decision::Adjust => "adjust",
            Decision::Defer => "defer",
            Decision::Hold => "hold",
            Decision::Block => "block",
            Decision::Alert => "alert",
            Decision::Clawback => "clawback",
        }
    }
}

/// X12 element 901: a person of the vendor must look at it first.
pub const PENDING_REVIEW_901: &str = "25";
/// X12 element 901: none of the listed reasons fits; the message says what it is.
pub const MUTUALLY_DEFINED_901: &str = "ZZ";

impl Code {
    /// The X12 element 901 reason; where several may fit, the usual one; empty for what takes nothing from anybody.
    pub fn reason_901(self) -> &'static str {
        self.reasons_901().first().copied().unwrap_or_default()
    }

    /// All that may fit, by what is found; the usual one first. Of [`Decision::Alert`] none: money goes on. Every other code may
    /// stand in an X12 849, and has one (domain notes §3.1).
    pub fn reasons_901(self) -> &'static [&'static str] {
        match self {
            Code::FileResubmitted | Code::LineResubmitted | Code::PackAndPieces => &["12"],
            // Of a special price, of a program.
            Code::ClaimRateWrong => &["06", "07"],
            Code::ClaimExtensionWrong
            | Code::ClaimOrphan
            | Code::KeyMissing
            | Code::ProofMissing
            | Code::AmountMissing
            | Code::CurrencyMissing
            | Code::CorrectionEmpty => &["15"],
            Code::NearDuplicateDocument | Code::OverlappingFeeds | Code::SaleInTwoPeriods => &["28"],
            // Between versions, after the last, before the first, ahead of time.
            Code::OutsidePeriod => &["20", "02", "19", "18"],
            // More than is left, nothing left.
            Code::AuthorisedQuantity => &["04", "05"],
            Code::ResaleAbove => &["16"],
            // No cost known, bought cheaper, authorised at no less than the book cost.
            Code::CostBasisWrong => &["31", "07", "17"],
            Code::DebitAfterProtection => &["07"],
            Code::ProtectedQuantityAbove | Code::ProtectedUnitsGone => &["13"],
            // More than is left, gone to another line.
            Code::ClaimAboveDue => &["04", "24"],
            Code::ClaimQuantityAbove => &["04"],
            Code::ReportedLate => &["29"],
            Code::ProductIneligible => &["03"],
            Code::MovementAsSale | Code::FreeGoods => &["09"],
            Code::BudgetOverrun | Code::DoubleSpend | Code::BenefitExpired => &["05"],
            Code::DateImpossible | Code::DateImplausible => &["27"],
            Code::CodeTypo | Code::CodeUnknown => &["14"],
            Code::OutsideTerritory => &["08"],
            Code::EndCustomerWrong | Code::CustomerSplit | Code::SaleToPartner => &["26"],
            // A number that nobody knows, another partner's, another program's.
            Code::AuthorisationReused => &["11", "24", "01"],
            // The units, or what is due for them, are used already.
            Code::AccrualClaimed
            | Code::SellInAndThrough
            | Code::SerialTwiceSamePartner
            | Code::TwoTiersReport
            | Code::ExclusivePrograms
            | Code::ConsumerRebatePaid => &["24"],
            // While it is looked at, once the deduction has settled it.
            Code::Deducted => &[PENDING_REVIEW_901, "24"],
            Code::CorrectionUnmarked
            | Code::SerialTwoPartners
            | Code::SplitUnclear
            | Code::ProofReused
            | Code::InventoryExceeded
            | Code::SignWrong
            | Code::AmountMismatch
            | Code::ReturnAboveSold
            | Code::ControlTotalWrong
            | Code::FeedUndefined
            | Code::CircularSale
            | Code::UnitOfMeasure
            | Code::OnePersonTwice
            | Code::OnePartnerTwice
            | Code::PayeeUnsure
            | Code::TablesCorrected
            | Code::ProgramAmended
            | Code::FigureChanged
            | Code::OutlierHeld => &[PENDING_REVIEW_901],
            Code::ReturnAndResell
            | Code::ThresholdNotMet
            | Code::TierMiscalculated
            | Code::BasisPolluted
            | Code::BaselineMissing
            | Code::CapExceeded
            | Code::ReturnAfterPayment
            | Code::BelowMinimumPayout
            | Code::ActivityAboveApproval
            | Code::RowUnreadable
            | Code::PaidTwice
            | Code::PaidAbovePayable
            | Code::InterimPaidAgain
            | Code::SenderUnknown
            | Code::PartnerIneligible
            | Code::UnauthorisedSource
            | Code::SerialNeverIssued
            | Code::RestrictedParty
            | Code::PersonIneligible
            | Code::CompanyAsPerson
            | Code::SaleUnpaid
            | Code::DropShipCounted
            | Code::ReturnInLaterPeriod
            | Code::PriceWithTax
            | Code::StrungOnGross
            | Code::StackOverCap => &[MUTUALLY_DEFINED_901],
            // They take nothing.
            Code::RateMissing
            | Code::OwnDecision
            | Code::PaidUnauthorised
            | Code::PaymentRefused
            | Code::NeverAuthorised
            | Code::TierNearlyReached
            | Code::EarnedNothing
            | Code::AuthorisedUnpaid
            | Code::Outlier
            | Code::RateOdd
            | Code::RoundingDrifts
            | Code::ColumnMissing => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_takes_from_a_claim_has_a_reason_of_element_901() {
        const LIST: [&str; 31] = [
            "01",
            "02",
            "03",
            "04",
            "05",
            "06",
            "07",
            "08",
            "09",
            "10",
            "11",
            "12",
            "13",
            "14",
            "15",
            "16",
            "17",
            "18",
            "19",
            "20",
            "21",
            "23",
            "24",
            "25",
            "26",
            "27",
            "28",
            "29",
            "30",
            "31",
            MUTUALLY_DEFINED_901,
        ];
        for code in Code::ALL.iter().copied() {
            let reasons = code.reasons_901();
            assert_eq!(reasons.is_empty(), code.decision() == Decision::Alert, "{code}");
            assert!(reasons.iter().all(|reason| LIST.contains(reason)), "{code}: {reasons:?}");
        }
    }

    #[test]
    fn what_waits_for_persons_says_so() {
        let waits: Vec<Code> =
            Code::ALL.iter().copied().filter(|code| code.reasons_901().contains(&PENDING_REVIEW_901)).collect();
        assert!(waits.iter().all(|code| code.decision() == Decision::Hold), "{waits:?}");
        let unsaid = |code: &Code| code.decision() == Decision::Hold && code.reason_901() == MUTUALLY_DEFINED_901;
        assert_eq!(Code::ALL.iter().copied().find(|code| unsaid(code)), None, "a hold has a reason of its own, or 25");
    }
}
