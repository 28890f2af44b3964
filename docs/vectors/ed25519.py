"""Signs and verifies ed25519 as ZIP-215 says, in plain integers.

Slow and not in constant time: for checking test vectors, never for secrets that are worth something.
"""

from hashlib import sha512

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

# Extended coordinates (X, Y, Z, T): x = X / Z, y = Y / Z, x * y = T / Z.
IDENTITY = (0, 1, 1, 0)


def add(a, b):
    x = (a[1] - a[0]) * (b[1] - b[0]) % P
    y = (a[1] + a[0]) * (b[1] + b[0]) % P
    t = 2 * D * a[3] * b[3] % P
    z = 2 * a[2] * b[2] % P
    e, f, g, h = y - x, z - t, z + t, y + x
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar, point):
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def negate(point):
    return (-point[0] % P, point[1], point[2], -point[3] % P)


def decompress(encoded):
    """The point that 32 bytes encode, or None. Takes y that is not reduced, and a sign of x = 0."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, (number & (2**255 - 1)) % P
    numerator, denominator = (y * y - 1) % P, (D * y * y + 1) % P
    x = numerator * pow(denominator, 3, P) * pow(
        numerator * pow(denominator, 7, P), (P - 5) // 8, P
    )
    x %= P
    square = denominator * x * x % P
    if square == -numerator % P:
        x = x * ROOT_OF_MINUS_ONE % P
    elif square != numerator:
        return None
    if x & 1 != sign:
        x = -x % P
    return (x, y, 1, x * y % P)


def compress(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_small_order(encoded):
    """Whether a key is a point of which eight times is nothing: it verifies anything."""
    point = decompress(encoded)
    if point is None:
        return False
    x, y, z, _ = multiply(8, point)
    return x == 0 and y == z


def challenge(commitment, key, message):
    return int.from_bytes(sha512(commitment + key + message).digest(), "little") % ORDER


def verify(key, message, signature):
    """ZIP-215: the response is reduced, the points are points, and 8 s B = 8 R + 8 k A."""
    if len(key) != 32 or len(signature) != 64:
        return False
    response = int.from_bytes(signature[32:], "little")
    public, commitment = decompress(key), decompress(signature[:32])
    if response >= ORDER or public is None or commitment is None:
        return False
    k = challenge(signature[:32], key, message)
    difference = add(multiply(response, BASE), negate(add(commitment, multiply(k, public))))
    x, y, z, _ = multiply(8, difference)
    return x == 0 and y == z


def expand(seed):
    digest = sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little")
    return (scalar & (2**254 - 8)) | 2**254, digest[32:]


def public_key(seed):
    return compress(multiply(expand(seed)[0], BASE))


def sign(seed, message):
    """As RFC 8032: the same message gives the same signature."""
    scalar, prefix = expand(seed)
    key = compress(multiply(scalar, BASE))
    nonce = int.from_bytes(sha512(prefix + message).digest(), "little") % ORDER
    commitment = compress(multiply(nonce, BASE))
    response = (nonce + challenge(commitment, key, message) * scalar) % ORDER
    return commitment + response.to_bytes(32, "little")
