//! What peers do to each other, over real sockets.
