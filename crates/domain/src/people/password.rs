//! Which passwords are good enough.

use super::user::{PeopleRefusal, UserId};

/// Characters in a password, at least.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Bytes in a password, at most: hashing is expensive, and nobody types more.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// What is tried first by whoever guesses, as far as it is long enough to be chosen here.
const COMMON: [&str; 24] = [
    "0123456789",
    "1234567890",
    "12345678910",
    "1q2w3e4r5t",
    "1qaz2wsx3edc",
    "administrator",
    "changemeplease",
    "football123",
    "iloveyou123",
    "letmein123",
    "password01",
    "password12",
    "password123",
    "password1234",
    "password12345",
    "passw0rd123",
    "princess123",
    "q1w2e3r4t5",
    "qwerty12345",
    "qwerty123456",
    "qwertyuiop",
    "sunshine123",
    "welcome123",
    "welcome1234",
];

/// Judges a new password of `user`. Length is what counts; what kinds of characters is not asked.
pub fn judge_password(user: &UserId, password: &str) -> Result<(), PeopleRefusal> {
    let refuse = |detail: String| Err(PeopleRefusal::new("password", detail));
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return refuse(format!("must have {PASSWORD_CHARS_MIN} characters or more"));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return refuse(format!("must have {PASSWORD_BYTES_MAX} bytes or fewer"));
    }
    let lower = password.to_lowercase();
    if lower == user.as_str().to_lowercase() {
        return refuse("must not be the user's name".to_owned());
    }
    let first = lower.chars().next();
    if COMMON.contains(&lower.as_str()) || lower.chars().all(|char| Some(char) == first) {
        return refuse("is among the first that are guessed; choose another".to_owned());
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_and_not_the_first_guess() {
        let user = UserId::new("alice@example.com").unwrap();
        let judge = |password: &str| judge_password(&user, password).is_ok();

        assert!(judge("tall ships"));
        assert!(judge("ночной дозор"));
        assert!(judge(&"ab".repeat(512)));
        assert!(!judge("tall ship"));
        assert!(!judge("Alice@example.com"));
        assert!(!judge("Password123"));
        assert!(!judge("aaaaaaaaaaaa"));
        assert!(!judge(&"ab".repeat(513)));
    }
}
