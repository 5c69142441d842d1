//! Makes the snapshot of prices that the program is shipped with, from LiteLLM's file and the data
//! of genai-prices:
//!
//! ```text
//! cargo run -p outlay-engine --example price_snapshot -- \
//!     model_prices_and_context_window.json data.py crates/engine/data/prices/snapshot.json.zst
//! ```

use std::error::Error;

use outlay_engine::prices::import::{genai_prices, litellm, sets};
use outlay_engine::prices::snapshot::Snapshot;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [litellm_file, genai_file, target] = paths.as_slice() else {
        return Err("say LiteLLM's file, genai-prices' file, and where to write".into());
    };
    let listings = vec![
        sets::set(sets::OWN)?,
        genai_prices::read(&std::fs::read_to_string(genai_file)?)?,
        litellm::read(&std::fs::read_to_string(litellm_file)?)?,
    ];
    for listing in &listings {
        println!("{} {}: {} prices", listing.source, listing.version, listing.rows.len());
        for reason in &listing.left_out {
            println!("  left out {reason}");
        }
    }
    let date = chrono::Utc::now().date_naive();
    let packed = Snapshot { date, listings }.pack()?;
    std::fs::write(target, &packed)?;
    println!("{target}: {} bytes", packed.len());
    Ok(())
}
