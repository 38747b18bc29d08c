//! Loops for wide registers: one source, compiled for what processors have; the best that this one has runs.
//! This file and `gpu.rs` and `codec/turbo.rs` are the only ones with unsafe code.
#![allow(unsafe_code)]

/// Defines a function whose loops are compiled for AVX-512 and AVX2 too, and chooses among them when it is called.
/// Elsewhere the compiler's own target counts: NEON on aarch64.
#[macro_export]
macro_rules! wide {
    ($(#[$doc:meta])* fn $name:ident $([$($generic:tt)*] [$($argument:ident),*])? ($($arg:ident: $kind:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        #[allow(unsafe_code, clippy::too_many_arguments)]
        pub fn $name $(<$($generic)*>)? ($($arg: $kind),*) {
            #[inline(always)]
            fn plain $(<$($generic)*>)? ($($arg: $kind),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
                unsafe fn widest $(<$($generic)*>)? ($($arg: $kind),*) {
                    plain $(::<$($argument),*>)? ($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                unsafe fn wider $(<$($generic)*>)? ($($arg: $kind),*) {
                    plain $(::<$($argument),*>)? ($($arg),*)
                }
                if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl") && is_x86_feature_detected!("avx512dq") {
                    return unsafe { widest $(::<$($argument),*>)? ($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    return unsafe { wider $(::<$($argument),*>)? ($($arg),*) };
                }
            }
            plain $(::<$($argument),*>)? ($($arg),*)
        }
    };
}

/// What sums of weighted samples are made of: floats, or 16-bit fixed point. That has 7 bits behind the point for a sample of
/// 8 bits, 6 after the first sum and 5 after the second, since the weights have 15 and products keep their upper half.
pub trait Lane: Copy + Default + Send + Sync + 'static {
    /// Weights that sum to 1.
    fn weights(values: &[f32]) -> Vec<Self>;
    /// What a sum starts with, to make up for what its products lose.
    fn start(taps: usize) -> Self;
    fn add_weighted(self, value: Self, weight: Self) -> Self;
    /// Does as many columns of `turn` as it can do faster, and returns how many.
    fn turn_blocks(_to: &mut [Self], _from: &[Self], _stride: usize, _width: usize) -> usize {
        0
    }
    /// The same for `turn_back`.
    fn turn_blocks_back(_to: &mut [Self], _from: &[Self], _stride: usize, _width: usize) -> usize {
        0
    }
}

impl Lane for i16 {
    /// 15 bits behind the point: 1 becomes the next smaller number. The largest takes what rounding leaves over.
    fn weights(values: &[f32]) -> Vec<i16> {
        let mut all: Vec<i32> = values.iter().map(|value| (value * 32768.0).round() as i32).collect();
        let over = 32768 - all.iter().sum::<i32>();
        if let Some(largest) = all.iter_mut().max() {
            *largest += over;
        }
        all.iter().map(|one| (*one).clamp(-32768, 32767) as i16).collect()
    }
    /// A product loses half of its last bit, on the average.
    #[inline(always)]
    fn start(taps: usize) -> i16 {
        (taps / 2) as i16
    }
    /// One instruction, pmulhw, and an addition.
    #[inline(always)]
    fn add_weighted(self, value: i16, weight: i16) -> i16 {
        self.wrapping_add(((i32::from(value) * i32::from(weight)) >> 16) as i16)
    }
    #[cfg(target_arch = "x86_64")]
    fn turn_blocks(to: &mut [i16], from: &[i16], stride: usize, width: usize) -> usize {
        blocks::turn(to, from, stride, width)
    }
    #[cfg(target_arch = "x86_64")]
    fn turn_blocks_back(to: &mut [i16], from: &[i16], stride: usize, width: usize) -> usize {
        blocks::turn_back(to, from, stride, width)
    }
}

impl Lane for f32 {
    fn weights(values: &[f32]) -> Vec<f32> {
        values.to_vec()
    }
    #[inline(always)]
    fn start(_: usize) -> f32 {
        0.0
    }
    #[inline(always)]
    fn add_weighted(self, value: f32, weight: f32) -> f32 {
        self + value * weight
    }
}

const BLOCK: usize = 128;

wide! {
    /// `to[i]` = the sum of `weights[k] * from[starts[k] + i]`. Blocks of sums stay in registers while the taps go by.
    fn weigh[L: Lane][L](to: &mut [L], from: &[L], starts: &[usize], weights: &[L]) {
        let length = to.len();
        let mut blocks = to.chunks_exact_mut(BLOCK);
        let mut at = 0;
        for block in &mut blocks {
            let mut sums = [L::start(weights.len()); BLOCK];
            for (start, weight) in starts.iter().zip(weights) {
                let part: &[L; BLOCK] = from[start + at..start + at + BLOCK].try_into().expect("a block");
                for lane in 0..BLOCK {
                    sums[lane] = sums[lane].add_weighted(part[lane], *weight);
                }
            }
            block.copy_from_slice(&sums);
            at += BLOCK;
        }
        let rest = blocks.into_remainder();
        rest.fill(L::start(weights.len()));
        for (start, weight) in starts.iter().zip(weights) {
            for (sum, value) in rest.iter_mut().zip(&from[start + at..start + length]) {
                *sum = sum.add_weighted(*value, *weight);
            }
        }
    }
}

/// Rows that are weighed across at once, after they were turned.
pub const TURNED: usize = 16;

/// A sum along a row: where its first sample is, and the weights of that one and of those after it.
pub struct Along<L> {
    pub first: usize,
    pub weights: Vec<L>,
}

wide! {
    /// The same on turned rows, whose 16 values of each column lie together: of every pixel of `to`, every channel.
    fn weigh_turned[L: Lane][L](to: &mut [L], from: &[L], channels: usize, pixels: &[Along<L>]) {
        for (to, along) in to.chunks_exact_mut(channels * TURNED).zip(pixels) {
            for (channel, to) in to.chunks_exact_mut(TURNED).enumerate() {
                let mut sums = [L::start(along.weights.len()); TURNED];
                let mut at = (along.first * channels + channel) * TURNED;
                for weight in &along.weights {
                    let part: &[L; TURNED] = from[at..at + TURNED].try_into().expect("one column");
                    for lane in 0..TURNED {
                        sums[lane] = sums[lane].add_weighted(part[lane], *weight);
                    }
                    at += channels * TURNED;
                }
                to.copy_from_slice(&sums);
            }
        }
    }
}

/// Turns 16 rows of a width, each `stride` after the one before, so that the 16 values of a column lie together.
pub fn turn<L: Lane>(to: &mut [L], from: &[L], stride: usize, width: usize) {
    let done = L::turn_blocks(to, from, stride, width);
    for (column, to) in to.chunks_exact_mut(TURNED).enumerate().take(width).skip(done) {
        for (row, to) in to.iter_mut().enumerate() {
            *to = from[row * stride + column];
        }
    }
}

/// The other way round.
pub fn turn_back<L: Lane>(to: &mut [L], from: &[L], stride: usize, width: usize) {
    let done = L::turn_blocks_back(to, from, stride, width);
    for (column, from) in from.chunks_exact(TURNED).enumerate().take(width).skip(done) {
        for (row, from) in from.iter().enumerate() {
            to[row * stride + column] = *from;
        }
    }
}

/// Blocks of 8 x 8 values of 16 bits, which SSE2 turns in its registers. All x86-64 processors have it.
#[cfg(target_arch = "x86_64")]
mod blocks {
    use super::TURNED;
    use std::arch::x86_64::*;

    unsafe fn turn_block(to: *mut i16, to_step: usize, from: *const i16, from_step: usize) {
        let row = |at: usize| _mm_loadu_si128(from.add(at * from_step).cast());
        let pair = |at: usize| {
            let (one, two) = (row(at), row(at + 1));
            (_mm_unpacklo_epi16(one, two), _mm_unpackhi_epi16(one, two))
        };
        let (a, b, c, d) = (pair(0), pair(2), pair(4), pair(6));
        let fours = |one: (__m128i, __m128i), two: (__m128i, __m128i)| {
            [
                _mm_unpacklo_epi32(one.0, two.0),
                _mm_unpackhi_epi32(one.0, two.0),
                _mm_unpacklo_epi32(one.1, two.1),
                _mm_unpackhi_epi32(one.1, two.1),
            ]
        };
        let (upper, lower) = (fours(a, b), fours(c, d));
        for at in 0..4 {
            _mm_storeu_si128(to.add(2 * at * to_step).cast(), _mm_unpacklo_epi64(upper[at], lower[at]));
            _mm_storeu_si128(to.add((2 * at + 1) * to_step).cast(), _mm_unpackhi_epi64(upper[at], lower[at]));
        }
    }

    /// Returns how many columns it did: whole blocks of them.
    pub fn turn(to: &mut [i16], from: &[i16], stride: usize, width: usize) -> usize {
        let whole = width / 8 * 8;
        assert!(to.len() >= whole * TURNED && from.len() >= (TURNED - 1) * stride + whole && stride >= whole);
        for column in (0..whole).step_by(8) {
            for row in (0..TURNED).step_by(8) {
                let (to, from) = (&mut to[column * TURNED + row..], &from[row * stride + column..]);
                // The last of its values is 7 columns and 7 rows further, which the assertion above covers.
                unsafe { turn_block(to.as_mut_ptr(), TURNED, from.as_ptr(), stride) };
            }
        }
        whole
    }

    pub fn turn_back(to: &mut [i16], from: &[i16], stride: usize, width: usize) -> usize {
        let whole = width / 8 * 8;
        assert!(from.len() >= whole * TURNED && to.len() >= (TURNED - 1) * stride + whole && stride >= whole);
        for column in (0..whole).step_by(8) {
            for row in (0..TURNED).step_by(8) {
                let (to, from) = (&mut to[row * stride + column..], &from[column * TURNED + row..]);
                unsafe { turn_block(to.as_mut_ptr(), stride, from.as_ptr(), TURNED) };
            }
        }
        whole
    }
}

wide! {
    /// Means of 2 x 2 pixels of three channels, rounded.
    fn halve_three(to: &mut [u8], upper: &[u8], lower: &[u8]) {
        for ((to, up), low) in to.chunks_exact_mut(3).zip(upper.chunks_exact(6)).zip(lower.chunks_exact(6)) {
            for channel in 0..3 {
                let sum = u16::from(up[channel]) + u16::from(up[channel + 3]) + u16::from(low[channel]) + u16::from(low[channel + 3]);
                to[channel] = ((sum + 2) >> 2) as u8;
            }
        }
    }
}

wide! {
    /// Means of 2 x 2 pixels of one channel, rounded.
    fn halve_one(to: &mut [u8], upper: &[u8], lower: &[u8]) {
        for ((to, up), low) in to.iter_mut().zip(upper.chunks_exact(2)).zip(lower.chunks_exact(2)) {
            let sum = u16::from(up[0]) + u16::from(up[1]) + u16::from(low[0]) + u16::from(low[1]);
            *to = ((sum + 2) >> 2) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for width in [1, 8, 21] {
            let from: Vec<i16> = (0..TURNED as i16 * 30).collect();
            let (mut turned, mut back) = (vec![0; width * TURNED], vec![0; TURNED * width]);
            turn(&mut turned, &from, 30, width);
            turn_back(&mut back, &turned, width, width);
            for row in 0..TURNED {
                for column in 0..width {
                    assert_eq!(turned[column * TURNED + row], from[row * 30 + column]);
                    assert_eq!(back[row * width + column], from[row * 30 + column]);
                }
            }
        }
    }
}
