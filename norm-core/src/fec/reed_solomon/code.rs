//! Points, coefficients, and the sums of products that make symbols out of others.
//!
//! The value at point x of the polynomial with values y_r at the points X_r of a set S is
//! `sum of y_r * B(x) / ((x - X_r) * B'(X_r))`, where B is the product of all `x - X_r` and B' that
//! without the factor that is 0 (Lagrange). All coefficients are products, so they are computed as
//! sums of logarithms. Numbers here are those of points: source symbols first, then parity.

use std::sync::Arc;

use norm_gf::Field;

use super::Points;

/// Rows of coefficients made at a time, so that those of a long block stay small.
const ROWS: usize = 64;

/// One point of a code.
#[derive(Copy, Clone, Debug)]
struct Point {
    /// X_r.
    x: u16,
    /// Logarithm of the product of the differences from X_r to the points of all other source
    /// symbols.
    product: u16,
}

/// The points of a code.
#[derive(Clone, Debug)]
pub(super) struct Code {
    points: Arc<[Point]>,
}

/// A block with losses: numbers of points, and their symbols, all of the same length.
#[derive(Debug, Default)]
pub(super) struct Loss<'b, 'p> {
    pub held: Vec<(u32, &'b mut [u8])>,
    pub lost: Vec<(u32, &'b mut [u8])>,
    /// Parity, as many as are lost.
    pub given: Vec<(u32, &'p [u8])>,
}

impl Code {
    /// The first `symbols` points, `sources` of which (at least 1) are those of source symbols.
    ///
    /// The order of the field's group is at least `symbols`.
    pub fn new<F: Field>(points: Points, sources: u32, symbols: u32) -> Self {
        let (exp, log) = (F::tables().exp(), F::tables().log());
        // Points are powers of a, but for a 0 at first; r of them have exponents below r.
        let zeros = match points {
            Points::Rizzo => 1,
            Points::Rfc5510 => 0,
        };
        let powers = sources - zeros;
        // Logarithms of the products of a^t - 1 for t from 1 on.
        let mut product = 0;
        let mut products = vec![0];
        for t in 1..symbols {
            let power: u32 = exp[t as usize].into();
            product = (product + u32::from(log[(power ^ 1) as usize])) % F::ORDER;
            products.push(product);
        }
        // The logarithm of the product of the first n powers.
        let sum = |n: u32| n * n.saturating_sub(1) / 2;
        // a^e - a^m is a^m * (a^(e-m) - 1) for m < e, and a^e * (a^(m-e) - 1) otherwise.
        let point = |r: u32| {
            let Some(e) = r.checked_sub(zeros) else { return (0, sum(powers)) };
            let product = if r < sources {
                let above = powers - 1 - e;
                sum(e) + products[e as usize] + e * above + products[above as usize]
            } else {
                let below = F::ORDER - products[(e - powers) as usize];
                sum(powers) + products[e as usize] + below
            };
            (exp[e as usize].into(), product + zeros * e)
        };
        let points = (0..symbols).map(|r| {
            let (x, product) = point(r);
            Point { x: x as u16, product: (product % F::ORDER) as u16 }
        });
        Self { points: points.collect() }
    }

    /// Adds to `out` the symbols from number `first` (a parity symbol) on.
    pub fn encode<F: Field>(
        &self,
        symbol_size: usize,
        sources: &[&[u8]],
        first: u32,
        out: &mut [u8],
    ) {
        let columns = self.points[..sources.len()].iter().copied();
        let columns: Vec<Column> = columns.map(|point| Column::new::<F>(point)).collect();
        let mut coefficients = Vec::new();
        let mut first = first as usize;
        for out in out.chunks_mut(ROWS * symbol_size) {
            let count = out.len() / symbol_size;
            coefficients.clear();
            for row in &self.points[first..first + count] {
                push_row::<F>(*row, &columns, &mut coefficients);
            }
            F::mul_add_rows(out, symbol_size, &coefficients, sources);
            first += count;
        }
    }

    /// Writes the lost symbols.
    pub fn decode<F: Field>(&self, symbol_size: usize, loss: Loss<'_, '_>) {
        let Loss { held, mut lost, given } = loss;
        let at = |n: u32| self.points[n as usize];
        let lost_points: Vec<Point> = lost.iter().map(|(n, _)| at(*n)).collect();
        let given_points: Vec<Point> = given.iter().map(|(n, _)| at(*n)).collect();
        // The same for the set of points of held and given symbols, instead of all source symbols.
        let log = F::tables().log();
        let among_others = |point: Point| {
            // A point is no other to itself: the table has 0 at place 0.
            let log = |other: &Point| u32::from(log[usize::from(point.x ^ other.x)]);
            let exchanged = given_points.iter().zip(&lost_points);
            let change: u32 = exchanged.map(|(new, old)| log(new) + F::ORDER - log(old)).sum();
            Point { x: point.x, product: ((u32::from(point.product) + change) % F::ORDER) as u16 }
        };
        let numbers = held.iter().map(|(n, _)| *n).chain(given.iter().map(|(n, _)| *n));
        let columns: Vec<Column> = numbers.map(|n| Column::new::<F>(among_others(at(n)))).collect();
        let symbols = held.into_iter().map(|(_, symbol)| &*symbol);
        let symbols: Vec<&[u8]> = symbols.chain(given.into_iter().map(|(_, s)| s)).collect();

        let mut coefficients = Vec::new();
        let mut sums = Vec::new();
        for lost in lost.chunks_mut(ROWS) {
            coefficients.clear();
            for (n, _) in &*lost {
                push_row::<F>(among_others(at(*n)), &columns, &mut coefficients);
            }
            sums.clear();
            sums.resize(lost.len() * symbol_size, 0);
            F::mul_add_rows(&mut sums, symbol_size, &coefficients, &symbols);
            for ((_, symbol), sum) in lost.iter_mut().zip(sums.chunks_exact(symbol_size)) {
                symbol.copy_from_slice(sum);
            }
        }
    }
}

/// What a known symbol adds to all coefficients that belong to it.
#[derive(Copy, Clone, Debug)]
struct Column {
    x: u16,
    /// Logarithm of 1 / product, below the order.
    inverse: u32,
}

impl Column {
    fn new<F: Field>(point: Point) -> Self {
        let product = u32::from(point.product);
        Self { x: point.x, inverse: (F::ORDER - product) % F::ORDER }
    }
}

/// Coefficients of the symbol at `row` (not among the columns) out of those at `columns`.
fn push_row<F: Field>(row: Point, columns: &[Column], out: &mut Vec<F::Element>) {
    let (exp, log) = (F::tables().exp(), F::tables().log());
    let product = u32::from(row.product);
    out.extend(columns.iter().map(|column| {
        let mut sum = product + column.inverse;
        if sum >= F::ORDER {
            sum -= F::ORDER;
        }
        let difference = u32::from(log[usize::from(row.x ^ column.x)]);
        exp[(sum + F::ORDER - difference) as usize]
    }));
}
