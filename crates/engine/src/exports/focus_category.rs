//! To which of FOCUS's categories a service belongs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::focus::FocusRow;

/// The categories of FOCUS, each with its subcategories; `Other (CATEGORY)` is one of every category.
///
/// They are the allowed values of the columns ServiceCategory and ServiceSubcategory as the specification
/// has them since 1.1, in its repository under `specification/columns/servicecategory.md` and
/// `specification/datasets/cost_and_usage/columns/servicesubcategory.md` (1.4): 19 categories with 63
/// subcategories beside the others.
const CATEGORIES: [(&str, &[&str]); 19] = [
    (
        "AI and Machine Learning",
        &[
            "AI Platforms",
            "Bots",
            "Generative AI",
            "Machine Learning",
            "Natural Language Processing",
        ],
    ),
    (
        "Analytics",
        &[
            "Analytics Platforms",
            "Business Intelligence",
            "Data Processing",
            "Search",
            "Streaming Analytics",
        ],
    ),
    ("Business Applications", &["Productivity and Collaboration"]),
    (
        "Compute",
        &[
            "Containers",
            "End User Computing",
            "Quantum Compute",
            "Serverless Compute",
            "Virtual Machines",
        ],
    ),
    (
        "Databases",
        &[
            "Caching",
            "Data Warehouses",
            "Ledger Databases",
            "NoSQL Databases",
            "Relational Databases",
            "Time Series Databases",
        ],
    ),
    (
        "Developer Tools",
        &[
            "Developer Platforms",
            "Continuous Integration and Deployment",
            "Development Environments",
            "Source Code Management",
            "Quality Assurance",
        ],
    ),
    ("Multicloud", &["Multicloud Integration"]),
    ("Identity", &["Identity and Access Management"]),
    ("Integration", &["API Management", "Messaging", "Workflow Orchestration"]),
    ("Internet of Things", &["IoT Analytics", "IoT Platforms"]),
    (
        "Management and Governance",
        &[
            "Architecture",
            "Compliance",
            "Cost Management",
            "Data Governance",
            "Disaster Recovery",
            "Endpoint Management",
            "Observability",
            "Support",
        ],
    ),
    ("Media", &["Content Creation", "Gaming", "Media Streaming", "Mixed Reality"]),
    ("Migration", &["Data Migration", "Resource Migration"]),
    ("Mobile", &[]),
    (
        "Networking",
        &[
            "Application Networking",
            "Content Delivery",
            "Network Connectivity",
            "Network Infrastructure",
            "Network Routing",
            "Network Security",
        ],
    ),
    (
        "Security",
        &["Secret Management", "Security Posture Management", "Threat Detection and Response"],
    ),
    (
        "Storage",
        &["Backup Storage", "Block Storage", "File Storage", "Object Storage", "Storage Platforms"],
    ),
    ("Web", &["Application Platforms"]),
    ("Other", &[]),
];

/// Companies of which only models are bought.
const OF_MODELS: [&str; 25] = [
    "ai21",
    "anthropic",
    "azure_openai",
    "bedrock",
    "cerebras",
    "cohere",
    "deepgram",
    "deepseek",
    "elevenlabs",
    "fireworks",
    "gemini",
    "google",
    "groq",
    "mistral",
    "moonshot",
    "ollama",
    "openai",
    "openrouter",
    "perplexity",
    "replicate",
    "stability",
    "together",
    "venice",
    "voyage",
    "xai",
];

/// Services that are no models, by words in their names.
const USUAL: [(&str, &str, &str); 27] = [
    ("sendgrid", "Integration", "Messaging"),
    ("mailgun", "Integration", "Messaging"),
    ("postmark", "Integration", "Messaging"),
    ("mailchimp", "Integration", "Messaging"),
    ("resend", "Integration", "Messaging"),
    ("twilio", "Integration", "Messaging"),
    ("email", "Integration", "Messaging"),
    ("mail", "Integration", "Messaging"),
    ("sms", "Integration", "Messaging"),
    ("semrush", "Analytics", "Business Intelligence"),
    ("ahrefs", "Analytics", "Business Intelligence"),
    ("serpapi", "Analytics", "Search"),
    ("serper", "Analytics", "Search"),
    ("tavily", "Analytics", "Search"),
    ("exa", "Analytics", "Search"),
    ("yelp", "Analytics", "Search"),
    ("search", "Analytics", "Search"),
    ("gpu", "Compute", "Virtual Machines"),
    ("runpod", "Compute", "Virtual Machines"),
    ("modal", "Compute", "Serverless Compute"),
    ("backup", "Storage", "Backup Storage"),
    ("s3", "Storage", "Object Storage"),
    ("screenshotone", "Web", "Other (Web)"),
    ("screenshot", "Web", "Other (Web)"),
    ("firecrawl", "Web", "Other (Web)"),
    ("maps", "Web", "Other (Web)"),
    ("pagespeed", "Developer Tools", "Quality Assurance"),
];

const OF_AI: (&str, &str) = ("AI and Machine Learning", "Generative AI");
const OF_OTHERS: (&str, &str) = ("Other", "Other (Other)");

/// What somebody says of a service or a provider: `sendgrid = Integration / Messaging`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CategoryRule {
    name: String,
    category: String,
    subcategory: String,
}

/// The category and the subcategory of what `row` charges: what `rules` say of its service or its
/// provider; models where there are any; what is usual of the service; or else that it is another.
pub fn category<'a>(row: &FocusRow, rules: &'a [CategoryRule]) -> (&'a str, &'a str) {
    let key = &row.key;
    let names = || [key.service.as_deref(), key.provider.as_deref()].into_iter().flatten();
    let said = names().find_map(|name| rules.iter().find(|rule| rule.is_of(name)));
    if let Some(rule) = said {
        return (&rule.category, &rule.subcategory);
    }
    if key.model.is_some() || row.is_tokens() {
        return OF_AI;
    }
    names().find_map(usual).unwrap_or(OF_OTHERS)
}

fn sells_models(provider: &str) -> bool {
    words(provider).any(|word| OF_MODELS.contains(&word.as_str())) || OF_MODELS.contains(&provider)
}

fn usual(service: &str) -> Option<(&'static str, &'static str)> {
    if sells_models(service) {
        return Some(OF_AI);
    }
    let words: Vec<String> = words(service).collect();
    let found = USUAL.iter().find(|(known, ..)| words.iter().any(|word| word == known));
    found.map(|(_, category, subcategory)| (*category, *subcategory))
}

/// The words of a name: `search-api` has two.
fn words(name: &str) -> impl Iterator<Item = String> {
    let parts = name.split(|letter: char| !letter.is_alphanumeric());
    parts.filter(|part| !part.is_empty()).map(str::to_lowercase)
}

impl CategoryRule {
    fn is_of(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl FromStr for CategoryRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shape = || {
            format!(
                "`{text}` is not a service and its category, such as `sendgrid = Integration / Messaging`"
            )
        };
        let (name, class) = text.split_once('=').ok_or_else(shape)?;
        let (name, class) = (name.trim(), class.trim());
        if name.is_empty() {
            return Err(shape());
        }
        let (category, subcategory) = match class.split_once('/') {
            Some((category, subcategory)) => (category.trim(), Some(subcategory.trim())),
            None => (class, None),
        };
        let known = CATEGORIES.iter().find(|(known, _)| known.eq_ignore_ascii_case(category));
        let Some((category, subcategories)) = known else {
            let all: Vec<&str> = CATEGORIES.iter().map(|(known, _)| *known).collect();
            return Err(format!(
                "`{category}` is no category of FOCUS; those are {}",
                all.join(", ")
            ));
        };
        let other = format!("Other ({category})");
        let subcategory = match subcategory {
            None => other,
            Some(own) if own.eq_ignore_ascii_case(&other) => other,
            Some(own) => match subcategories.iter().find(|known| known.eq_ignore_ascii_case(own)) {
                Some(known) => (*known).to_owned(),
                None => {
                    let all = subcategories.iter().copied().chain([other.as_str()]);
                    let all: Vec<&str> = all.collect();
                    return Err(format!(
                        "`{own}` is no subcategory of {category}; those are {}",
                        all.join(", ")
                    ));
                }
            },
        };
        Ok(Self { name: name.to_owned(), category: (*category).to_owned(), subcategory })
    }
}

impl fmt::Display for CategoryRule {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{} = {} / {}", self.name, self.category, self.subcategory)
    }
}

impl TryFrom<String> for CategoryRule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<CategoryRule> for String {
    fn from(rule: CategoryRule) -> Self {
        rule.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::DateTime;

    use super::super::focus::FocusKey;
    use super::*;

    fn row(service: Option<&str>, provider: Option<&str>, model: Option<&str>) -> FocusRow {
        FocusRow {
            start: DateTime::UNIX_EPOCH,
            end: DateTime::UNIX_EPOCH,
            key: FocusKey {
                account: "acme".into(),
                provider: provider.map(Into::into),
                service: service.map(Into::into),
                model: model.map(Into::into),
                team: None,
                project: None,
                meter: None,
                price: None,
                unit_price: None,
                basis: "stated",
                is_adjustment: false,
            },
            nanos: 1,
            micros: 1,
        }
    }

    #[test]
    fn an_email_service_is_no_generative_ai() {
        let of = |service, provider, model| category(&row(service, provider, model), &[]);

        assert_eq!(of(Some("sendgrid"), Some("sendgrid"), None), ("Integration", "Messaging"));
        assert_eq!(of(Some("email"), None, None), ("Integration", "Messaging"));
        assert_eq!(of(Some("gpu"), None, None), ("Compute", "Virtual Machines"));
        assert_eq!(of(Some("email"), Some("openai"), Some("gpt-4o")), OF_AI, "a model it is");
        assert_eq!(of(None, Some("openai"), None), OF_AI);
        assert_eq!(of(Some("maps"), Some("google"), None), ("Web", "Other (Web)"));
        assert_eq!(of(Some("something of ours"), None, None), OF_OTHERS);
    }

    #[test]
    fn what_is_set_goes_before_what_is_usual() {
        let rules: Vec<CategoryRule> =
            ["SendGrid=business applications", "openai = Web / application platforms"]
                .map(|text| text.parse().unwrap())
                .into();

        let of = |service, provider| category(&row(service, provider, None), &rules);

        assert_eq!(
            of(Some("sendgrid"), None),
            ("Business Applications", "Other (Business Applications)")
        );
        assert_eq!(of(None, Some("openai")), ("Web", "Application Platforms"));
        assert_eq!(rules[0].to_string().parse::<CategoryRule>().unwrap(), rules[0]);
        let refusal = |text: &str| text.parse::<CategoryRule>().unwrap_err();
        assert!(refusal("sendgrid").contains("sendgrid = Integration / Messaging"));
        assert!(refusal("a = Mailing").contains("no category of FOCUS; those are AI and Machine"));
        assert!(refusal("a = Web / Mail").contains("no subcategory of Web; those are Application"));
    }

    #[test]
    fn the_list_is_as_long_as_the_specification_s_and_names_nothing_twice() {
        let named: std::collections::BTreeSet<&str> =
            CATEGORIES.iter().flat_map(|(_, known)| known.iter().copied()).collect();
        let counted: usize = CATEGORIES.iter().map(|(_, known)| known.len()).sum();

        assert_eq!((CATEGORIES.len(), counted, named.len()), (19, 63, 63));
    }

    #[test]
    fn what_is_usual_is_of_focus() {
        for (name, category, subcategory) in USUAL {
            let rule: CategoryRule =
                format!("{name} = {category} / {subcategory}").parse().unwrap();
            assert_eq!(
                (rule.category.as_str(), rule.subcategory.as_str()),
                (category, subcategory)
            );
        }
    }
}
