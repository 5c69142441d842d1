//! What customers paid, each payment once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::amount::NANOS_PER_UNIT;
use outlay_domain::revenue::{RevenueFact, RevenueKind};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::time::{from_us, to_us};
use super::tx::{Revenue, Writes};
use crate::StoreError;

const KNOWN: &str = "
    SELECT revenue_key, kind, source, id, occurred_us, payment, transaction_id, gross_nanos,
           net_nanos, fee_nanos, tax_nanos, currency, product, metadata, attributes
    FROM revenue WHERE revenue_key = ?1";
const TOLD: &str =
    "SELECT revenue_key FROM revenue_sources WHERE account = ?1 AND source = ?2 AND id = ?3";
const OF_ACCOUNTS: &str = "
    SELECT revenue_key FROM revenue
    WHERE account IS NOT NULL AND payment = ?2 AND kind = ?1 AND gross_nanos = ?3 AND currency = ?4
    UNION ALL
    SELECT revenue_key FROM revenue
    WHERE account IS NOT NULL AND transaction_id = ?2 AND kind = ?1 AND gross_nanos = ?3
      AND currency = ?4
    LIMIT 1";
const PUT: &str = "
    INSERT INTO revenue (revenue_key, kind, source, id, occurred_us, payment, transaction_id,
                         gross_nanos, net_nanos, fee_nanos, tax_nanos, currency, product,
                         metadata, received_us, attributes, account, is_bound)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
    ON CONFLICT (revenue_key) DO UPDATE SET
        source = excluded.source, id = excluded.id, occurred_us = excluded.occurred_us,
        payment = excluded.payment, transaction_id = excluded.transaction_id,
        gross_nanos = excluded.gross_nanos, net_nanos = excluded.net_nanos,
        fee_nanos = excluded.fee_nanos, tax_nanos = excluded.tax_nanos,
        currency = excluded.currency, product = excluded.product, metadata = excluded.metadata,
        attributes = excluded.attributes, is_bound = excluded.is_bound";
const IS_BOUND: &str = "SELECT is_bound FROM revenue WHERE revenue_key = ?1";
const ADD_SOURCE: &str = "
    INSERT INTO revenue_sources (account, source, id, revenue_key) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT DO NOTHING";
const PAGE: &str = "
    SELECT revenue_key, kind, source, id, occurred_us, payment, transaction_id, gross_nanos,
           net_nanos, fee_nanos, tax_nanos, currency, product, metadata, attributes
    FROM revenue
    WHERE (occurred_us, revenue_key) > (?1, ?2) AND occurred_us < ?3
    ORDER BY occurred_us, revenue_key
    LIMIT ?4";
const TOTALS: &str = "
    SELECT currency,
           count(*) FILTER (WHERE kind = 'payment'),
           count(*) FILTER (WHERE kind <> 'payment'),
           sum(gross_nanos / 1000000000), sum(gross_nanos % 1000000000),
           sum(net_nanos / 1000000000), sum(net_nanos % 1000000000),
           sum(fee_nanos / 1000000000), sum(fee_nanos % 1000000000),
           sum(tax_nanos / 1000000000), sum(tax_nanos % 1000000000),
           coalesce(sum(gross_nanos / 1000000000) FILTER (WHERE kind = 'payment'), 0),
           coalesce(sum(gross_nanos % 1000000000) FILTER (WHERE kind = 'payment'), 0)
    FROM revenue WHERE occurred_us >= ?1 AND occurred_us < ?2
    GROUP BY currency ORDER BY currency";

const BY_PRODUCT: &str = "
    SELECT kind, currency, product, count(*),
           sum(gross_nanos / 1000000000), sum(gross_nanos % 1000000000),
           sum(fee_nanos / 1000000000), sum(fee_nanos % 1000000000)
    FROM revenue WHERE occurred_us >= ?1 AND occurred_us < ?2
    GROUP BY kind, currency, product ORDER BY kind, currency, product
    LIMIT ?3";

/// Who paid for whom stays; who it was, and tags that may tell, go.
const ERASE: &str = "UPDATE revenue SET metadata = NULL, attributes = ?2 WHERE revenue_key = ?1";
const WITH_ATTRIBUTES: &str =
    "SELECT revenue_key, attributes FROM revenue WHERE attributes IS NOT NULL";

const LINES: &str = "
    SELECT occurred_us, kind, currency, gross_nanos, attributes
    FROM revenue WHERE occurred_us >= ?1 AND occurred_us < ?2";

/// What became of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It is new.
    New,
    /// The same payment is known already, from this row or from another.
    Known,
    /// The same payment, or the same row, is known otherwise.
    Differs {
        /// The first field that differs.
        field: &'static str,
        /// What is known there; empty where nothing is.
        known: CompactString,
    },
}

/// A fact, and the key under which it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRevenue {
    /// The key.
    pub key: CompactString,
    /// The fact.
    pub fact: RevenueFact,
}

/// Revenue of one currency, summed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevenueTotal {
    /// The currency.
    pub currency: CompactString,
    /// How many payments.
    pub payments: i64,
    /// How many refunds, chargebacks and adjustments.
    pub returns: i64,
    /// What customers paid, less what they got back, in nanos: sums may be beyond one amount.
    pub gross_nanos: i128,
    /// The same without the fees.
    pub net_nanos: i128,
    /// What the payment provider kept.
    pub fee_nanos: i128,
    /// The taxes.
    pub tax_nanos: i128,
    /// What customers paid, whatever they got back later.
    pub paid_nanos: i128,
}

impl<A> Revenue<'_, A> {
    /// Shows `visit` every fact in `[from, to)`, one by one.
    pub fn each(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        mut visit: impl FnMut(RevenueLine),
    ) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(LINES)?;
        let mut rows = statement.query([to_us(from), to_us(to)])?;
        while let Some(row) = rows.next()? {
            visit(RevenueLine {
                occurred_at: from_us(row.get(0)?),
                kind: kind_of(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?,
                currency: row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?.into(),
                gross_nanos: row.get(3)?,
                attributes: attributes(row, 4)?,
            });
        }
        Ok(())
    }

    /// The first `limit` facts before `to` that stand behind `after`, in order of time.
    pub fn page(
        &self,
        after: (DateTime<Utc>, &str),
        to: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<KeptRevenue>, StoreError> {
        let mut statement = self.conn.prepare_cached(PAGE)?;
        let rows = statement.query_map(params![to_us(after.0), after.1, to_us(to), limit], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Revenue in `[from, to)`, a row for each currency.
    pub fn totals(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<RevenueTotal>, StoreError> {
        let mut statement = self.conn.prepare_cached(TOTALS)?;
        let rows = statement.query_map([to_us(from), to_us(to)], |row| {
            let nanos = |at| summed(row, at);
            Ok(RevenueTotal {
                currency: row.get::<_, String>(0)?.into(),
                payments: row.get(1)?,
                returns: row.get(2)?,
                gross_nanos: nanos(3)?,
                net_nanos: nanos(5)?,
                fee_nanos: nanos(7)?,
                tax_nanos: nanos(9)?,
                paid_nanos: nanos(11)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Revenue in `[from, to)`, a row for each kind, currency and product; at most `limit` rows.
    pub fn by_product(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ProductRevenue>, StoreError> {
        let mut statement = self.conn.prepare_cached(BY_PRODUCT)?;
        let rows = statement.query_map(params![to_us(from), to_us(to), limit], |row| {
            let word: String = row.get(0)?;
            Ok(ProductRevenue {
                kind: kind_of(&word)?,
                currency: row.get::<_, String>(1)?.into(),
                product: row.get::<_, Option<String>>(2)?.map(Into::into),
                count: row.get(3)?,
                gross_nanos: summed(row, 4)?,
                fee_nanos: summed(row, 6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Revenue<'_, Writes> {
    /// Keeps `fact`, once however many databases tell of it.
    pub fn record(&self, fact: &RevenueFact, at: DateTime<Utc>) -> Result<Recorded, StoreError> {
        self.record_told(fact, at, false)
    }

    /// Keeps `fact`, which somebody told who sees its account alone: whoever sees all and tells of the
    /// same payment later decides what is known of it.
    pub fn record_bound(
        &self,
        fact: &RevenueFact,
        at: DateTime<Utc>,
    ) -> Result<Recorded, StoreError> {
        self.record_told(fact, at, true)
    }

    fn record_told(
        &self,
        fact: &RevenueFact,
        at: DateTime<Utc>,
        is_bound: bool,
    ) -> Result<Recorded, StoreError> {
        let account = fact.account().unwrap_or_default();
        let key = known_under(self.conn, fact)?;
        let told: Option<String> = self
            .conn
            .prepare_cached(TOLD)?
            .query_row([account, fact.source.as_str(), fact.id.as_str()], |row| row.get(0))
            .optional()?;
        if let Some(told) = told.filter(|told| *told != key.as_str()) {
            let differs = known(self.conn, &told)?.and_then(|known| difference(&known.fact, fact));
            let (field, known) = differs.unwrap_or((moved(&told, &key), told.into()));
            return Ok(Recorded::Differs { field, known });
        }
        let recorded = match known(self.conn, &key)? {
            Some(known) if !is_bound && is_only_bound(self.conn, &key)? => {
                take_over(self.conn, &key, &known.fact, fact, at)?;
                Recorded::Known
            }
            Some(known) => match difference(&known.fact, fact) {
                Some((field, known)) => return Ok(Recorded::Differs { field, known }),
                None => Recorded::Known,
            },
            None => {
                put(self.conn, &key, fact, at, is_bound)?;
                Recorded::New
            }
        };
        self.conn.prepare_cached(ADD_SOURCE)?.execute([
            account,
            fact.source.as_str(),
            fact.id.as_str(),
            key.as_str(),
        ])?;
        Ok(recorded)
    }

    /// Takes a person's name off every payment that was made with it, and what else was noted there.
    pub fn erase_subject(&self, subject: &str) -> Result<usize, StoreError> {
        let named = self.named(subject)?;
        for (key, others) in &named {
            self.conn.prepare_cached(ERASE)?.execute(params![key, attributes_text(others)])?;
        }
        Ok(named.len())
    }

    /// The keys of the payments that were made with `subject`, and what may stay of their
    /// attributes: tags may tell who it was.
    fn named(&self, subject: &str) -> Result<Vec<(String, Attributes)>, StoreError> {
        let mut statement = self.conn.prepare_cached(WITH_ATTRIBUTES)?;
        let mut rows = statement.query([])?;
        let mut named = Vec::new();
        while let Some(row) = rows.next()? {
            let mut others = attributes(row, 1)?;
            if others.remove("subject").is_some_and(|own| own == subject) {
                others.retain(|name, _| !name.starts_with("tag."));
                named.push((row.get(0)?, others));
            }
        }
        Ok(named)
    }
}

/// The key under which a fact is known, or is to be.
///
/// One system may tell of a payment with its account and another without. It is one payment where
/// the money is the same; where it is not, they are two, so that nobody who has an account of
/// their own stands in the way of the organisation's.
fn known_under(tx: &Connection, fact: &RevenueFact) -> Result<CompactString, StoreError> {
    let own = fact.key();
    let Some(id) = fact.provider_id() else { return Ok(own) };
    if known(tx, &own)?.is_some() {
        return Ok(own);
    }
    if fact.account().is_some() {
        let of_all = fact.key_in(None);
        let is_same = known(tx, &of_all)?.is_some_and(|known| {
            known.fact.gross == fact.gross && known.fact.currency == fact.currency
        });
        return Ok(if is_same { of_all } else { own });
    }
    let of_one: Option<String> = tx
        .prepare_cached(OF_ACCOUNTS)?
        .query_row(
            params![fact.kind.as_str(), id, fact.gross.nanos(), fact.currency.as_str()],
            |row| row.get(0),
        )
        .optional()?;
    Ok(of_one.map_or(own, Into::into))
}

fn known(tx: &Connection, key: &str) -> Result<Option<KeptRevenue>, StoreError> {
    Ok(tx.prepare_cached(KNOWN)?.query_row([key], read).optional()?)
}

/// The field by which a row that was told of under one key is now told of under another.
fn moved(told: &str, key: &str) -> &'static str {
    let kind = |key: &str| key.split([':', '@']).next().map(ToOwned::to_owned);
    match key {
        _ if kind(told) != kind(key) => "kind",
        _ if key.starts_with(RevenueKind::Payment.as_str()) => "payment",
        _ => "transaction",
    }
}

/// The first field in which `fact` is not what is known, and what is known there.
///
/// Two systems tell of a payment in their own words; only the money must be the same. One system
/// must say the same again.
fn difference(known: &RevenueFact, fact: &RevenueFact) -> Option<(&'static str, CompactString)> {
    let text = |text: &Option<CompactString>| text.clone().unwrap_or_default();
    let amount = |amount: Amount| amount.to_string().into();
    // The kind comes first: it also says which sign the amount has.
    if known.kind != fact.kind {
        return Some(("kind", known.kind.as_str().into()));
    }
    if known.gross != fact.gross {
        return Some(("amount", amount(known.gross)));
    }
    if known.currency != fact.currency {
        return Some(("currency", known.currency.clone()));
    }
    if (&known.source, &known.id) != (&fact.source, &fact.id) {
        return None;
    }
    let fields = [
        ("net", known.net == fact.net, amount(known.net)),
        ("fee", known.fee == fact.fee, amount(known.fee)),
        ("tax", known.tax == fact.tax, amount(known.tax)),
        (
            "occurred_at",
            to_us(known.occurred_at) == to_us(fact.occurred_at),
            known.occurred_at.to_rfc3339().into(),
        ),
        ("payment", known.payment == fact.payment, text(&known.payment)),
        ("transaction", known.transaction == fact.transaction, text(&known.transaction)),
        ("product", known.product == fact.product, text(&known.product)),
        ("metadata", known.metadata == fact.metadata, text(&known.metadata)),
        (
            "attributes",
            is_made_with(known, fact),
            attributes_text(&known.attributes).unwrap_or_default().into(),
        ),
    ];
    fields.into_iter().find(|(_, same, _)| !same).map(|(field, _, known)| (field, known))
}

/// Whether `fact` was made with what is known; where it names no account it need not.
fn is_made_with(known: &RevenueFact, fact: &RevenueFact) -> bool {
    let own = |attributes: &Attributes| {
        let mut attributes = attributes.clone();
        if fact.account().is_none() {
            attributes.remove("account");
        }
        attributes
    };
    own(&known.attributes) == own(&fact.attributes)
}

/// What a payment was made with.
type Attributes = BTreeMap<CompactString, CompactString>;

/// Attributes as a JSON object; `None` where there are none.
fn attributes_text(attributes: &BTreeMap<CompactString, CompactString>) -> Option<String> {
    (!attributes.is_empty()).then(|| serde_json::to_string(attributes).unwrap_or_default())
}

fn attributes(
    row: &Row<'_>,
    at: usize,
) -> rusqlite::Result<BTreeMap<CompactString, CompactString>> {
    let Some(text) = row.get_ref(at)?.as_str_or_null()? else { return Ok(BTreeMap::new()) };
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, error.into()))
}

/// What is needed of a fact to sum it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevenueLine {
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// What happened.
    pub kind: RevenueKind,
    /// The currency.
    pub currency: CompactString,
    /// How much, in nanos; negative where money went back.
    pub gross_nanos: i64,
    /// What it was made with.
    pub attributes: BTreeMap<CompactString, CompactString>,
}

/// Writes `fact` under `key`. When it came first, and of which account, stays as it was.
fn put(
    tx: &Connection,
    key: &str,
    fact: &RevenueFact,
    at: DateTime<Utc>,
    is_bound: bool,
) -> Result<(), StoreError> {
    tx.prepare_cached(PUT)?.execute(params![
        key,
        fact.kind.as_str(),
        fact.source.as_str(),
        fact.id.as_str(),
        to_us(fact.occurred_at),
        fact.payment.as_deref(),
        fact.transaction.as_deref(),
        fact.gross.nanos(),
        fact.net.nanos(),
        fact.fee.nanos(),
        fact.tax.nanos(),
        fact.currency.as_str(),
        fact.product.as_deref(),
        fact.metadata.as_deref(),
        to_us(at),
        attributes_text(&fact.attributes),
        fact.account(),
        is_bound,
    ])?;
    Ok(())
}

/// Whether nobody told of it yet who sees more than its account.
fn is_only_bound(tx: &Connection, key: &str) -> Result<bool, StoreError> {
    Ok(tx.prepare_cached(IS_BOUND)?.query_row([key], |row| row.get(0))?)
}

/// Puts what `fact` says in the place of what is known under `key`; the account that it was told of
/// stays, where the fact names none.
fn take_over(
    tx: &Connection,
    key: &str,
    known: &RevenueFact,
    fact: &RevenueFact,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut attributes = fact.attributes.clone();
    if let Some((name, account)) = known.attributes.get_key_value("account") {
        attributes.entry(name.clone()).or_insert_with(|| account.clone());
    }
    put(tx, key, &RevenueFact { attributes, ..fact.clone() }, at, false)
}

/// Revenue of one kind, currency and product, summed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductRevenue {
    /// What happened to the money.
    pub kind: RevenueKind,
    /// The currency.
    pub currency: CompactString,
    /// What was bought, where that is known.
    pub product: Option<CompactString>,
    /// How often.
    pub count: i64,
    /// For how much, in nanos.
    pub gross_nanos: i128,
    /// What the payment provider kept, in nanos.
    pub fee_nanos: i128,
}

/// A sum of nanos, of which units and what is behind their point were summed apart: SQLite adds 64
/// bits at most.
fn summed(row: &Row<'_>, at: usize) -> rusqlite::Result<i128> {
    let (units, rest): (i64, i64) = (row.get(at)?, row.get(at + 1)?);
    Ok(i128::from(units) * i128::from(NANOS_PER_UNIT) + i128::from(rest))
}

fn kind_of(word: &str) -> rusqlite::Result<RevenueKind> {
    RevenueKind::parse(word).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Text, format!("`{word}`").into())
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<KeptRevenue> {
    let text =
        |at: usize| -> rusqlite::Result<CompactString> { Ok(row.get_ref(at)?.as_str()?.into()) };
    let optional = |at: usize| -> rusqlite::Result<Option<CompactString>> {
        Ok(row.get_ref(at)?.as_str_or_null()?.map(CompactString::from))
    };
    let amount = |at| row.get(at).map(Amount::from_nanos);
    let kind = kind_of(&text(1)?)?;
    Ok(KeptRevenue {
        key: text(0)?,
        fact: RevenueFact {
            id: text(3)?,
            source: text(2)?,
            kind,
            occurred_at: from_us(row.get(4)?),
            payment: optional(5)?,
            transaction: optional(6)?,
            gross: amount(7)?,
            net: amount(8)?,
            fee: amount(9)?,
            tax: amount(10)?,
            currency: text(11)?,
            product: optional(12)?,
            metadata: optional(13)?,
            attributes: attributes(row, 14)?,
        },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::sqlite::Tx;

    fn revenue(conn: &Connection) -> Revenue<'_, Writes> {
        Tx::of(conn).revenue()
    }

    fn migrate(conn: &Connection) {
        conn.execute_batch(include_str!("migrations/0005_imports.sql")).unwrap();
        conn.execute_batch(include_str!("migrations/0009_revenue_attributes.sql")).unwrap();
        conn.execute_batch(include_str!("migrations/0016_revenue_of_accounts.sql")).unwrap();
        conn.execute_batch(include_str!("migrations/0028_revenue_of_one_account.sql")).unwrap();
    }

    fn payment(source: &str, gross: &str) -> RevenueFact {
        RevenueFact {
            id: format!("{source}:1").into(),
            source: source.into(),
            kind: RevenueKind::Payment,
            occurred_at: DateTime::UNIX_EPOCH + Duration::hours(1),
            payment: Some("pi_1".into()),
            transaction: None,
            gross: gross.parse().unwrap(),
            net: "95.83".parse().unwrap(),
            fee: "3.17".parse().unwrap(),
            tax: Amount::ZERO,
            currency: "usd".into(),
            product: Some("basic".into()),
            attributes: BTreeMap::new(),
            metadata: None,
        }
    }

    #[test]
    fn a_payment_that_two_databases_tell_of_is_one() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&conn);
        let tx = conn.transaction().unwrap();
        let now = DateTime::UNIX_EPOCH;
        let refund = |part: &str| RevenueFact {
            kind: RevenueKind::Refund,
            transaction: Some(part.into()),
            id: part.into(),
            gross: "-9.9".parse().unwrap(),
            net: "-9.9".parse().unwrap(),
            fee: Amount::ZERO,
            ..payment("finances", "0")
        };

        assert_eq!(revenue(&tx).record(&payment("purchases", "99"), now).unwrap(), Recorded::New);
        assert_eq!(revenue(&tx).record(&payment("finances", "99"), now).unwrap(), Recorded::Known);
        let differs = Recorded::Differs { field: "amount", known: "99".into() };
        assert_eq!(revenue(&tx).record(&payment("finances", "98"), now).unwrap(), differs);
        assert_eq!(revenue(&tx).record(&refund("r1"), now).unwrap(), Recorded::New);
        assert_eq!(
            revenue(&tx).record(&refund("r2"), now).unwrap(),
            Recorded::New,
            "refunds have parts"
        );
        assert_eq!(revenue(&tx).record(&refund("r2"), now).unwrap(), Recorded::Known);
        tx.commit().unwrap();

        let all = DateTime::UNIX_EPOCH + Duration::days(1);
        let total = revenue(&conn).totals(now, all).unwrap().pop().unwrap();
        assert_eq!((total.payments, total.returns), (1, 2));
        assert_eq!(total.gross_nanos, 79_200_000_000);
        assert_eq!(total.paid_nanos, 99_000_000_000);
        let kept = revenue(&conn).page((now, ""), all, 10).unwrap();
        assert_eq!(kept[0].key, "payment:pi_1");
        assert_eq!(kept[0].fact, payment("purchases", "99"), "the first to tell of it stays");
        let rest = revenue(&conn).page((kept[0].fact.occurred_at, &kept[0].key), all, 10).unwrap();
        assert_eq!(rest.len(), 2);
        assert!(revenue(&conn).totals(all, all).unwrap().is_empty());
    }

    fn of(account: &str, fact: RevenueFact) -> RevenueFact {
        RevenueFact { attributes: [("account".into(), account.into())].into(), ..fact }
    }

    #[test]
    fn payments_of_one_account_are_nothing_to_another() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&conn);
        let tx = conn.transaction().unwrap();
        let told = |fact: RevenueFact| revenue(&tx).record(&fact, DateTime::UNIX_EPOCH).unwrap();

        assert_eq!(told(of("alice", payment("shop", "1"))), Recorded::New);
        assert_eq!(told(of("bob", payment("shop", "99"))), Recorded::New);
        assert_eq!(told(of("bob", payment("shop", "99"))), Recorded::Known);
        let differs = Recorded::Differs { field: "amount", known: "99".into() };
        assert_eq!(told(of("bob", payment("shop", "98"))), differs);
        // Whoever tells without an account means the same money only where it is the same.
        assert_eq!(told(payment("purchases", "99")), Recorded::Known);
        assert_eq!(told(payment("purchases", "99")), Recorded::Known);
        assert_eq!(told(payment("finances", "50")), Recorded::New, "alice took no id of anybody's");
        assert_eq!(told(of("carol", payment("shop", "50"))), Recorded::Known);
        assert_eq!(told(of("carol", payment("other", "7"))), Recorded::New);
    }

    #[test]
    fn whoever_sees_one_account_decides_nothing_about_a_payment_that_who_sees_all_tells_of() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&conn);
        let tx = conn.transaction().unwrap();
        let told = |fact: &RevenueFact| revenue(&tx).record(fact, DateTime::UNIX_EPOCH).unwrap();
        let all = DateTime::UNIX_EPOCH + Duration::days(1);
        let kept = || revenue(&tx).page((DateTime::UNIX_EPOCH, ""), all, 10).unwrap();
        let of_alice = of("alice", payment("evil", "50"));
        let mine = RevenueFact { occurred_at: DateTime::UNIX_EPOCH, ..of_alice };

        let first = revenue(&tx).record_bound(&mine, DateTime::UNIX_EPOCH).unwrap();
        let whole = RevenueFact { product: Some("pro".into()), ..payment("stripe", "50") };

        assert_eq!((first, told(&whole)), (Recorded::New, Recorded::Known));
        assert_eq!(kept().len(), 1, "it is one payment");
        let known = &kept()[0].fact;
        assert_eq!((known.source.as_str(), known.occurred_at), ("stripe", whole.occurred_at));
        assert_eq!((known.product.as_deref(), known.account()), (Some("pro"), Some("alice")));
        assert_eq!(told(&whole), Recorded::Known, "the same again is the same");
        let late = revenue(&tx).record_bound(&mine, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!((late, kept()[0].fact.source.as_str()), (Recorded::Known, "stripe"));

        // Another amount stands in nobody's way either.
        let squat = RevenueFact { payment: Some("pi_2".into()), ..of("alice", payment("a", "1")) };
        assert_eq!(revenue(&tx).record_bound(&squat, all).unwrap(), Recorded::New);
        let right = RevenueFact { payment: Some("pi_2".into()), ..of("alice", payment("b", "9")) };
        assert_eq!(told(&right), Recorded::Known);
        assert_eq!(kept().iter().filter(|one| one.fact.gross == right.gross).count(), 1);
    }

    #[test]
    fn revenue_of_before_is_known_under_its_account() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        conn.execute_batch(include_str!("migrations/0005_imports.sql")).unwrap();
        conn.execute_batch(include_str!("migrations/0009_revenue_attributes.sql")).unwrap();
        conn.execute_batch(
            r#"INSERT INTO revenue VALUES
                 ('payment:pi_1', 'payment', 'shop', 'shop:1', 3600000000, 'pi_1', NULL,
                  99000000000, 95830000000, 3170000000, 0, 'usd', 'basic', NULL, 0,
                  '{"account":"b:ob"}'),
                 ('payment:pi_2', 'payment', 'shop', 'shop:2', 3600000000, 'pi_2', NULL,
                  1, 1, 0, 0, 'usd', NULL, NULL, 0, NULL);
               INSERT INTO revenue_sources VALUES
                 ('shop', 'shop:1', 'payment:pi_1'), ('shop', 'shop:2', 'payment:pi_2')"#,
        )
        .unwrap();
        conn.execute_batch(&format!(
            "BEGIN; {} COMMIT;",
            include_str!("migrations/0016_revenue_of_accounts.sql")
        ))
        .unwrap();
        conn.execute_batch(include_str!("migrations/0028_revenue_of_one_account.sql")).unwrap();

        let tx = conn.transaction().unwrap();
        let again =
            revenue(&tx).record(&of("b:ob", payment("shop", "99")), DateTime::UNIX_EPOCH).unwrap();
        let others =
            revenue(&tx).record(&of("alice", payment("shop", "9")), DateTime::UNIX_EPOCH).unwrap();

        assert_eq!((again, others), (Recorded::Known, Recorded::New));
        tx.commit().unwrap();
        let all = DateTime::UNIX_EPOCH + Duration::days(1);
        let kept = revenue(&conn).page((DateTime::UNIX_EPOCH, ""), all, 10).unwrap();
        let keys: Vec<_> = kept.iter().map(|kept| kept.key.as_str()).collect();
        assert_eq!(keys, ["payment:pi_2", "payment@4:b:ob:pi_1", "payment@5:alice:pi_1"]);
    }

    #[test]
    fn an_erased_subject_leaves_what_was_paid_and_nothing_that_tells_who_it_was() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&conn);
        let tx = conn.transaction().unwrap();
        let made_with = |id: &str, attributes: &[(&str, &str)]| {
            let pairs = attributes.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            RevenueFact {
                id: id.into(),
                payment: Some(id.into()),
                attributes: pairs.collect(),
                metadata: Some("{}".into()),
                ..payment("shop", "9")
            }
        };
        let ada = [("subject", "ada \"a\""), ("service", "search"), ("tag.lead", "7")];
        for fact in [made_with("1", &ada), made_with("2", &ada[..1]), made_with("3", &ada[1..])] {
            revenue(&tx).record(&fact, DateTime::UNIX_EPOCH).unwrap();
        }

        assert_eq!(revenue(&tx).erase_subject("ada").unwrap(), 0);
        assert_eq!(revenue(&tx).erase_subject("ada \"a\"").unwrap(), 2);
        tx.commit().unwrap();

        let all = DateTime::UNIX_EPOCH + Duration::days(1);
        let kept = revenue(&conn).page((DateTime::UNIX_EPOCH, ""), all, 10).unwrap();
        let facts: Vec<_> = kept.into_iter().map(|kept| kept.fact).collect();
        let erased =
            |id, left: &[(&str, &str)]| RevenueFact { metadata: None, ..made_with(id, left) };
        assert_eq!(facts, [erased("1", &ada[1..2]), erased("2", &[]), made_with("3", &ada[1..])]);
    }

    #[test]
    fn sums_may_be_beyond_one_amount() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&conn);
        let tx = conn.transaction().unwrap();
        let most = Amount::from_nanos(i64::MAX);
        for intent in ["pi_1", "pi_2", "pi_3"] {
            let fact = RevenueFact {
                id: intent.into(),
                payment: Some(intent.into()),
                gross: most,
                ..payment("purchases", "0")
            };
            revenue(&tx).record(&fact, DateTime::UNIX_EPOCH).unwrap();
        }
        tx.commit().unwrap();

        let all = DateTime::UNIX_EPOCH + Duration::days(1);
        let total = revenue(&conn).totals(DateTime::UNIX_EPOCH, all).unwrap().pop().unwrap();
        assert_eq!(total.gross_nanos, i128::from(i64::MAX) * 3);
        let product =
            revenue(&conn).by_product(DateTime::UNIX_EPOCH, all, 9).unwrap().pop().unwrap();
        assert_eq!((product.count, product.product.as_deref()), (3, Some("basic")));
        assert_eq!(product.gross_nanos, total.gross_nanos);
    }
}
