//! Powers and logarithms to the base 2, which generates both fields.

/// Powers and logarithms of a field with elements of type `E`.
#[derive(Clone, Debug)]
pub struct Tables<E> {
    exp: Box<[E]>,
    log: Box<[u16]>,
}

impl<E: Copy + TryFrom<u32>> Tables<E> {
    /// `polynomial` has its highest term at bit `bits`, at most 16, and is primitive.
    pub(crate) fn new(bits: u32, polynomial: u32) -> Self {
        let order = (1_u32 << bits) - 1;
        let mut powers = vec![0_u32; order as usize];
        let mut log = vec![0_u16; 1 << bits];
        let mut power = 1;
        for (n, place) in powers.iter_mut().enumerate() {
            *place = power;
            log[power as usize] = n as u16;
            power <<= 1;
            if power > order {
                power ^= polynomial;
            }
        }
        // Twice over, so that the sum of two logarithms needs no remainder.
        let exp = [&powers[..], &powers[..]].concat();
        let exp = exp.into_iter().filter_map(|power| E::try_from(power).ok()).collect();
        Self { exp, log: log.into() }
    }
}

impl<E> Tables<E> {
    /// 2^n at place n, for n below twice the order of the group.
    #[must_use]
    pub fn exp(&self) -> &[E] {
        &self.exp
    }

    /// The logarithm of x at place x, below the order of the group; 0 at place 0, which has none.
    #[must_use]
    pub fn log(&self) -> &[u16] {
        &self.log
    }
}
