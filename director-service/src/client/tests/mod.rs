//! What a client does with directors, messages and votes.
