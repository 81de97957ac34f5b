//! Every kernel that the machine has does what the arithmetic of single elements says.

use norm_gf::{Field, Gf256, Gf65536, Kernel};
use proptest::prelude::*;

/// Rows and sources of some length, one after the other in one buffer, from any address on.
#[derive(Debug)]
struct Case {
    row_len: usize,
    rows: usize,
    sources: usize,
    skew: usize,
    seed: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let lens = prop_oneof![0..300_usize, 0..1500_usize];
    let sources = prop_oneof![0..10_usize, 60..70_usize, 120..135_usize];
    (lens, 0..22_usize, sources, 0..64_usize, any::<u64>()).prop_map(
        |(row_len, rows, sources, skew, seed)| Case { row_len, rows, sources, skew, seed },
    )
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let step = |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(step).collect()
}

fn sum_of_products<F: Field>(
    case: &Case,
    coefficients: &[F::Element],
    from: fn(&[u8]) -> F::Element,
    put: fn(F::Element) -> Vec<u8>,
) {
    let Case { row_len, rows, sources, skew, seed } = *case;
    let buffer = noise(seed, skew + row_len * sources);
    let sources: Vec<&[u8]> = match row_len {
        0 => vec![&[]; sources],
        _ => buffer[skew..].chunks(row_len).collect(),
    };
    let before = noise(seed ^ 1, skew + row_len * rows);
    let whole = row_len - row_len % F::BYTES;
    let mut expected = before.clone();
    // One column of elements in four is enough, and those at the end.
    let places = (0..whole).step_by(F::BYTES);
    let checked: Vec<usize> = places.filter(|p| p % 4 == 0 || *p + 70 > whole).collect();
    for r in 0..rows {
        for &p in &checked {
            for (s, source) in sources.iter().enumerate() {
                let product = F::mul(coefficients[r * sources.len() + s], from(&source[p..]));
                for (b, byte) in put(product).into_iter().enumerate() {
                    expected[skew + r * row_len + p + b] ^= byte;
                }
            }
        }
    }
    let mut scalar = before.clone();
    let coefficients = if row_len == 0 { &[] } else { coefficients };
    F::mul_add_rows_with(Kernel::Scalar, &mut scalar[skew..], row_len, coefficients, &sources);
    for r in 0..rows {
        let row = skew + r * row_len;
        for p in checked.iter().flat_map(|p| *p..*p + F::BYTES).chain(whole..row_len) {
            assert_eq!(scalar[row + p], expected[row + p], "scalar, row {r}, byte {p}");
        }
    }
    for kernel in Kernel::ALL {
        let mut sums = before.clone();
        F::mul_add_rows_with(kernel, &mut sums[skew..], row_len, coefficients, &sources);
        assert_eq!(sums, scalar, "{kernel:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn kernels_of_gf256_agree(case in case()) {
        let coefficients = noise(case.seed ^ 2, case.rows * case.sources);
        sum_of_products::<Gf256>(&case, &coefficients, |b| b[0], |e| vec![e]);
    }

    #[test]
    fn kernels_of_gf65536_agree(case in case()) {
        let bytes = noise(case.seed ^ 2, case.rows * case.sources * 2);
        let coefficients: Vec<u16> =
            bytes.as_chunks::<2>().0.iter().map(|b| u16::from_le_bytes(*b)).collect();
        let from = |b: &[u8]| u16::from_le_bytes([b[0], b[1]]);
        sum_of_products::<Gf65536>(&case, &coefficients, from, |e| e.to_le_bytes().to_vec());
    }
}

#[test]
fn rows_of_up_to_three_vectors_are_right() {
    for kernel in Kernel::ALL {
        for len in 0..400 {
            let (source, before) = (noise(len, len as usize), noise(7, len as usize));
            let (mut sum, mut scalar) = (before.clone(), before.clone());
            Gf256::mul_add_with(kernel, &mut sum, 0x53, &source);
            Gf256::mul_add_with(Kernel::Scalar, &mut scalar, 0x53, &source);
            assert_eq!(sum, scalar, "{kernel:?}, {len} bytes");
            let (mut sum, mut scalar) = (before.clone(), before);
            Gf65536::mul_add_with(kernel, &mut sum, 0x5301, &source);
            Gf65536::mul_add_with(Kernel::Scalar, &mut scalar, 0x5301, &source);
            assert_eq!(sum, scalar, "{kernel:?}, {len} bytes of words");
        }
    }
}

#[test]
fn all_products_of_gf256_are_right_with_every_kernel() {
    let source: Vec<u8> = (0..=255).collect();
    for kernel in Kernel::ALL {
        for c in 0..=255 {
            let mut product = vec![0; 256];
            Gf256::mul_add_with(kernel, &mut product, c, &source);
            assert!((0..=255).all(|x| product[usize::from(x)] == Gf256::mul(c, x)), "{c}");
        }
    }
}

fn laws<F: Field>(elements: impl Iterator<Item = F::Element>, one: F::Element) {
    for x in elements {
        let log = F::log(x);
        assert_eq!(log.map(F::exp), (x != F::Element::default()).then_some(x));
        assert_eq!(F::inv(x).map(|inverse| F::mul(x, inverse)), log.map(|_| one));
        assert_eq!(F::mul(x, one), x);
    }
}

#[test]
fn both_are_fields_and_2_generates_them() {
    laws::<Gf256>(0..=u8::MAX, 1);
    laws::<Gf65536>(0..=u16::MAX, 1);
    assert_eq!((Gf256::exp(8), Gf65536::exp(16)), (0x1D, 0x100B));
    assert_eq!((Gf256::mul(0x80, 2), Gf65536::mul(0x8000, 2)), (0x1D, 0x100B));
}

#[test]
#[should_panic(expected = "a source of another length")]
fn short_source_is_refused() {
    Gf256::mul_add(&mut [0; 64], 3, &[0; 63]);
}

#[test]
#[should_panic(expected = "other rows of coefficients")]
fn missing_coefficients_are_refused() {
    Gf256::mul_add_rows(&mut [0; 64], 32, &[1], &[&[0; 32]]);
}
