//! The journal templates (domain notes §5.3) as one table: which account is debited, which credited.

use contract::{AccountingClass, AccrualKind, EstimateKind, JournalStyle};

/// An account of the templates; the tenant's chart of accounts gives it a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Account {
    /// X of the templates: contra-revenue or expense, by the program's class.
    Cost,
    /// Accrued, not authorised.
    Accrued,
    /// Estimated at sell-in and not sold through, or expected and not reached: LI-ACC(est) of the templates.
    Estimated,
    /// Points that were issued and never redeemed.
    Breakage,
    /// Authorised, not paid.
    Payable,
    /// What a payment is taken from: the bank, or what the beneficiary owes where it is paid by a credit memo.
    Cash,
    /// What a partner owes on invoices.
    Receivable,
    /// What a beneficiary owes back.
    Clawback,
    /// What nobody gives back any more.
    WrittenOff,
    /// Differences between two rates of one currency.
    ExchangeDifference,
}

impl Account {
    pub(crate) fn symbol(self, class: AccountingClass) -> &'static str {
        match (self, class) {
            (Account::Cost, AccountingClass::ContraRevenue | AccountingClass::Points) => "CR-REB",
            (Account::Cost, AccountingClass::MarketingExpense) => "EX-MKT",
            (Account::Cost, AccountingClass::SpiffExpense) => "EX-SPIFF",
            (Account::Cost, AccountingClass::PriceProtection) => "CR-PP",
            (Account::Cost, AccountingClass::ShipAndDebit) => "CR-SND",
            (Account::Cost, AccountingClass::PassThrough) => "CR-PTR",
            (Account::Accrued, AccountingClass::Points) => "LI-PTS",
            (Account::Accrued, _) => "LI-ACC",
            (Account::Estimated, _) => "LI-EST",
            (Account::Breakage, _) => "BRK",
            (Account::Payable, _) => "LI-PAY",
            (Account::Cash, class) if is_credited(class) => "AR",
            (Account::Cash, _) => "CASH",
            (Account::Receivable, _) => "AR",
            (Account::Clawback, _) => "RC-CLAW",
            (Account::WrittenOff, _) => "EX-BAD",
            (Account::ExchangeDifference, _) => "FX-PL",
        }
    }
}

/// Whether it is paid by a credit memo.
fn is_credited(class: AccountingClass) -> bool {
    matches!(class, AccountingClass::PriceProtection | AccountingClass::ShipAndDebit)
}

/// Why money moves between two accounts. A template and its exact mirror share their code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Template {
    Earned,
    TrueUp,
    TrueDown,
    Authorised,
    Released,
    ReleaseUndone,
    Paid,
    /// The part of a payment above what was payable.
    PaidOver,
    /// The beneficiary keeps what it has deducted from an invoice.
    Kept,
    /// The part of it above what was payable.
    KeptOver,
    Reversed,
    ReversedPayable,
    ClawedBack,
    ClawbackUndone,
    /// What is due is below zero when its period closes.
    NegativeOwed,
    Offset,
    WrittenOff,
    WriteOffUndone,
    PriorPeriodUp,
    PriorPeriodDown,
    /// At sell-in.
    Estimated,
    EstimateUndone,
    Relieved,
    ReliefUndone,
    Lapsed,
    LapseUndone,
    /// More, or less, is expected of an open period than its sales have reached.
    ExpectedUp,
    ExpectedDown,
    PriorEstimateUp,
    PriorEstimateDown,
}

/// What one entry moves: each account with the one that it is debited against. Two where the accrual is reversed and the
/// actual booked.
pub(crate) type Moves = Vec<(Account, Account)>;

/// One line of the table.
pub(crate) struct Row {
    pub code: &'static str,
    pub debit: Account,
    pub credit: Account,
}

impl Template {
    /// Points have templates of their own: issued, redeemed and expired (GL14 to GL16). So has price protection: CR-PP is
    /// debited when a cut is protected and AR is credited when that is paid (GL18, GL8), with the liability in between; and
    /// ship and debit, which is settled by GL17 and credited to AR as well. What is
    /// sold through is accrued in full, so that its relief takes the estimate back out of the cost: both together move the
    /// liability (GL3) and leave the difference in the cost (GL4).
    pub(crate) fn row(self, class: AccountingClass) -> Row {
        use Account::{Accrued, Breakage, Cash, Clawback, Cost, Estimated, Payable, Receivable, WrittenOff};
        let (code, debit, credit) = match self {
            Template::Earned if class == AccountingClass::PriceProtection => ("GL18", Cost, Accrued),
            Template::Authorised if class == AccountingClass::ShipAndDebit => ("GL17", Accrued, Payable),
            Template::Paid if is_credited(class) => ("GL8", Payable, Cash),
            Template::PaidOver if is_credited(class) => ("GL8", Clawback, Cash),
            Template::Earned if class == AccountingClass::Points => ("GL15", Cost, Accrued),
            Template::Authorised if class == AccountingClass::Points => ("GL16", Accrued, Payable),
            Template::Released if class == AccountingClass::Points => ("GL14", Accrued, Breakage),
            Template::ReleaseUndone if class == AccountingClass::Points => ("GL14", Breakage, Accrued),
            Template::Earned => ("GL2", Cost, Accrued),
            Template::TrueUp => ("GL4", Cost, Accrued),
            Template::TrueDown => ("GL4", Accrued, Cost),
            Template::Authorised => ("GL5", Accrued, Payable),
            Template::Released => ("GL6", Accrued, Cost),
            Template::ReleaseUndone => ("GL6", Cost, Accrued),
            Template::Paid => ("GL7", Payable, Cash),
            Template::PaidOver => ("GL7", Clawback, Cash),
            Template::Kept => ("GL9", Payable, Receivable),
            Template::KeptOver => ("GL9", Clawback, Receivable),
            Template::Reversed => ("GL10", Accrued, Cost),
            Template::ReversedPayable => ("GL10", Payable, Cost),
            Template::ClawedBack => ("GL11", Clawback, Cost),
            Template::ClawbackUndone => ("GL11", Cost, Clawback),
            Template::NegativeOwed => ("GL11", Clawback, Accrued),
            Template::Offset => ("GL12", Payable, Clawback),
            Template::WrittenOff => ("GL13", WrittenOff, Clawback),
            Template::WriteOffUndone => ("GL13", Clawback, WrittenOff),
            Template::PriorPeriodUp => ("GL25", Cost, Accrued),
            Template::PriorPeriodDown => ("GL25", Accrued, Cost),
            Template::Estimated => ("GL1", Cost, Estimated),
            Template::EstimateUndone => ("GL1", Estimated, Cost),
            Template::Relieved => ("GL3", Estimated, Cost),
            Template::ReliefUndone => ("GL3", Cost, Estimated),
            Template::Lapsed => ("GL6", Estimated, Cost),
            Template::LapseUndone => ("GL6", Cost, Estimated),
            Template::ExpectedUp => ("GL4", Cost, Estimated),
            Template::ExpectedDown => ("GL4", Estimated, Cost),
            Template::PriorEstimateUp => ("GL25", Cost, Estimated),
            Template::PriorEstimateDown => ("GL25", Estimated, Cost),
        };
        Row { code, debit, credit }
    }

    /// Code of the template and what it moves, as the books have it. An authorization reverses the accrual and books what is
    /// payable (GL5') where they say so; points are redeemed (GL16) in one way.
    pub(crate) fn moves(self, class: AccountingClass, style: JournalStyle) -> (&'static str, Moves) {
        let Row { code, debit, credit } = self.row(class);
        let reverses = self == Template::Authorised && class != AccountingClass::Points;
        match style {
            JournalStyle::ReverseAndBook if reverses => {
                let code = if code == "GL5" { "GL5'" } else { code };
                (code, vec![(debit, Account::Cost), (Account::Cost, credit)])
            }
            _ => (code, vec![(debit, credit)]),
        }
    }

    /// How a rise of what is due is booked.
    pub(crate) fn rise(kind: AccrualKind) -> Template {
        match kind {
            AccrualKind::Earned => Template::Earned,
            AccrualKind::TrueUp | AccrualKind::Reversal => Template::TrueUp,
            AccrualKind::PriorPeriod | AccrualKind::Clawback => Template::PriorPeriodUp,
        }
    }

    /// How a change of what is estimated is booked: one that adds to it or takes from it, of a month whose period had
    /// frozen or not.
    pub(crate) fn estimate(kind: EstimateKind, opens: bool, late: bool) -> Template {
        match (kind, opens) {
            (_, true) if late => Template::PriorEstimateUp,
            (_, false) if late => Template::PriorEstimateDown,
            (EstimateKind::Estimated, true) => Template::Estimated,
            (EstimateKind::Estimated, false) => Template::EstimateUndone,
            (EstimateKind::Relieved, false) => Template::Relieved,
            (EstimateKind::Relieved, true) => Template::ReliefUndone,
            (EstimateKind::Lapsed, false) => Template::Lapsed,
            (EstimateKind::Lapsed, true) => Template::LapseUndone,
            (EstimateKind::Expected, true) => Template::ExpectedUp,
            (EstimateKind::Expected, false) => Template::ExpectedDown,
        }
    }

    /// How a fall of what is accrued and not yet authorised is booked.
    pub(crate) fn fall(kind: AccrualKind) -> Template {
        match kind {
            AccrualKind::TrueUp => Template::TrueDown,
            AccrualKind::Earned | AccrualKind::Reversal => Template::Reversed,
            AccrualKind::PriorPeriod | AccrualKind::Clawback => Template::PriorPeriodDown,
        }
    }
}
