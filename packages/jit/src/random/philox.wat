;; Philox4x32-10 (Salmon, Moraes, Dror, Shaw, 2011, section 3.3) for bulk generation, four blocks at a time.
;; philox-js.ts is the same arithmetic in plain TypeScript; a test compares the two bit for bit.
;; Assemble with: node packages/jit/tools/assemble-philox.mjs
;;
;; The memory is one page that holds 16384 words; every function works on it from address 0.
(module
  (memory (export "memory") 1)

  ;; Writes $bytes (a multiple of 64) of random words: element j is word (j & 3) of block $block + (j >> 2),
  ;; where block i encrypts the counter [i, 0, 0, 0] under the key [$k0, $k1].
  ;; Lane l of $c0 .. $c3 holds the four counter words of the l-th block of the group.
  (func (export "bits") (param $k0 i32) (param $k1 i32) (param $block i32) (param $bytes i32)
    (local $at i32) (local $round i32)
    (local $c0 v128) (local $c1 v128) (local $c2 v128) (local $c3 v128)
    (local $key0 v128) (local $key1 v128)
    (local $low v128) (local $high v128)       ;; 64-bit products of 0xD2511F53 and c0: blocks 0, 1 and blocks 2, 3
    (local $low2 v128) (local $high2 v128)     ;; 64-bit products of 0xCD9E8D57 and c2
    (local $m0 v128) (local $m1 v128) (local $w0 v128) (local $w1 v128)
    (local.set $m0 (i32x4.splat (i32.const 0xD2511F53)))
    (local.set $m1 (i32x4.splat (i32.const 0xCD9E8D57)))
    (local.set $w0 (i32x4.splat (i32.const 0x9E3779B9)))
    (local.set $w1 (i32x4.splat (i32.const 0xBB67AE85)))
    (block $done
      (loop $group
        (br_if $done (i32.ge_u (local.get $at) (local.get $bytes)))
        (local.set $c0 (i32x4.add (i32x4.splat (local.get $block)) (v128.const i32x4 0 1 2 3)))
        (local.set $c1 (v128.const i32x4 0 0 0 0))
        (local.set $c2 (v128.const i32x4 0 0 0 0))
        (local.set $c3 (v128.const i32x4 0 0 0 0))
        (local.set $key0 (i32x4.splat (local.get $k0)))
        (local.set $key1 (i32x4.splat (local.get $k1)))
        (local.set $round (i32.const 10))
        (loop $rounds
          (local.set $low (i64x2.extmul_low_i32x4_u (local.get $c0) (local.get $m0)))
          (local.set $high (i64x2.extmul_high_i32x4_u (local.get $c0) (local.get $m0)))
          (local.set $low2 (i64x2.extmul_low_i32x4_u (local.get $c2) (local.get $m1)))
          (local.set $high2 (i64x2.extmul_high_i32x4_u (local.get $c2) (local.get $m1)))
          ;; c0 = hi(c2 * M1) ^ c1 ^ key0
          (local.set $c0 (v128.xor (v128.xor (local.get $c1) (local.get $key0))
            (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $low2) (local.get $high2))))
          ;; c2 = hi(c0 * M0) ^ c3 ^ key1
          (local.set $c2 (v128.xor (v128.xor (local.get $c3) (local.get $key1))
            (i8x16.shuffle 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31 (local.get $low) (local.get $high))))
          ;; c1 = lo(c2 * M1), c3 = lo(c0 * M0)
          (local.set $c1
            (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $low2) (local.get $high2)))
          (local.set $c3
            (i8x16.shuffle 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27 (local.get $low) (local.get $high)))
          (local.set $key0 (i32x4.add (local.get $key0) (local.get $w0)))
          (local.set $key1 (i32x4.add (local.get $key1) (local.get $w1)))
          (br_if $rounds (local.tee $round (i32.sub (local.get $round) (i32.const 1)))))
        ;; Transpose: the four words of a block lie side by side in memory.
        (local.set $low
          (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $c0) (local.get $c1)))
        (local.set $low2
          (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $c2) (local.get $c3)))
        (local.set $high
          (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $c0) (local.get $c1)))
        (local.set $high2
          (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $c2) (local.get $c3)))
        (v128.store (local.get $at)
          (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $low) (local.get $low2)))
        (v128.store offset=16 (local.get $at)
          (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $low) (local.get $low2)))
        (v128.store offset=32 (local.get $at)
          (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $high) (local.get $high2)))
        (v128.store offset=48 (local.get $at)
          (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $high) (local.get $high2)))
        (local.set $block (i32.add (local.get $block) (i32.const 4)))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $group))))

  ;; Turns $bytes (a multiple of 16) of words into float32 in [0, 1), in place: (word >>> 8) * 2^-24, which is exact.
  (func (export "uniform") (param $bytes i32)
    (local $at i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $bytes)))
        (v128.store (local.get $at)
          (f32x4.mul
            (f32x4.convert_i32x4_u (i32x4.shr_u (v128.load (local.get $at)) (i32.const 8)))
            (f32x4.splat (f32.const 0x1p-24))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next))))

  ;; Turns $bytes (a multiple of 16) of words into standard normals, in place, two pairs a turn (Box and Muller, 1958):
  ;; the pair (a, b) becomes r cos t, r sin t with r = sqrt(-2 ln u1), t = 2 pi u2, u1 = ((a >>> 8) + 1) * 2^-24,
  ;; u2 = (b >>> 8) * 2^-24. Logarithm, sine and cosine are series in float64, relative error below 2e-11.
  (func (export "normal") (param $bytes i32)
    (local $at i32)
    (local $words v128) (local $f v128) (local $e v128) (local $s v128) (local $z v128) (local $radius v128)
    (local $q v128) (local $t v128) (local $y v128) (local $sin v128) (local $cos v128) (local $odd v128)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $bytes)))
        (local.set $words (i32x4.shr_u (v128.load (local.get $at)) (i32.const 8)))
        ;; u1 = f * 2^(e - 24) with f in [sqrt(1/2), sqrt(2))
        (local.set $f (f64x2.add (v128.const f64x2 1 1) (f64x2.convert_low_i32x4_u
          (i8x16.shuffle 0 1 2 3 8 9 10 11 0 0 0 0 0 0 0 0 (local.get $words) (local.get $words)))))
        (local.set $e (i64x2.shr_u
          (i64x2.sub (local.get $f) (v128.const i64x2 0x3FE6A09E667F3BCD 0x3FE6A09E667F3BCD)) (i32.const 52)))
        (local.set $f (i64x2.sub (local.get $f) (i64x2.shl (local.get $e) (i32.const 52))))
        (local.set $e (f64x2.convert_low_i32x4_u
          (i8x16.shuffle 0 1 2 3 8 9 10 11 0 0 0 0 0 0 0 0 (local.get $e) (local.get $e))))
        ;; ln f = 2 atanh(s) = 2 s (1 + s^2/3 + s^4/5 + ...), s = (f - 1) / (f + 1)
        (local.set $s (f64x2.div
          (f64x2.sub (local.get $f) (v128.const f64x2 1 1)) (f64x2.add (local.get $f) (v128.const f64x2 1 1))))
        (local.set $z (f64x2.mul (local.get $s) (local.get $s)))
        (local.set $y (v128.const f64x2 0.07692307692307693 0.07692307692307693))
        (local.set $y (f64x2.add (f64x2.mul (local.get $y) (local.get $z)) (v128.const f64x2 0.09090909090909091 0.09090909090909091)))
        (local.set $y (f64x2.add (f64x2.mul (local.get $y) (local.get $z)) (v128.const f64x2 0.1111111111111111 0.1111111111111111)))
        (local.set $y (f64x2.add (f64x2.mul (local.get $y) (local.get $z)) (v128.const f64x2 0.14285714285714285 0.14285714285714285)))
        (local.set $y (f64x2.add (f64x2.mul (local.get $y) (local.get $z)) (v128.const f64x2 0.2 0.2)))
        (local.set $y (f64x2.add (f64x2.mul (local.get $y) (local.get $z)) (v128.const f64x2 0.3333333333333333 0.3333333333333333)))
        (local.set $y (f64x2.add (f64x2.mul (local.get $y) (local.get $z)) (v128.const f64x2 1 1)))
        ;; r = sqrt((24 - e) 2 ln 2 - 2 ln f)
        (local.set $radius (f64x2.sqrt (f64x2.sub
          (f64x2.mul
            (f64x2.sub (v128.const f64x2 24 24) (local.get $e))
            (v128.const f64x2 1.3862943611198906 1.3862943611198906))
          (f64x2.mul (f64x2.mul (v128.const f64x2 4 4) (local.get $s)) (local.get $y)))))
        ;; 2 pi u2 = q pi/2 + t with t in [-pi/4, pi/4)
        (local.set $words (i8x16.shuffle 4 5 6 7 12 13 14 15 4 5 6 7 12 13 14 15 (local.get $words) (local.get $words)))
        (local.set $q (i32x4.shr_u (i32x4.add (local.get $words) (i32x4.splat (i32.const 0x200000))) (i32.const 22)))
        (local.set $t (f64x2.mul
          (f64x2.convert_low_i32x4_s (i32x4.sub (local.get $words) (i32x4.shl (local.get $q) (i32.const 22))))
          (v128.const f64x2 3.7450702829239286e-7 3.7450702829239286e-7)))
        (local.set $q (i64x2.extend_low_i32x4_u (local.get $q)))
        (local.set $y (f64x2.mul (local.get $t) (local.get $t)))
        ;; sin t, Taylor to t^11
        (local.set $sin (v128.const f64x2 -2.505210838544172e-8 -2.505210838544172e-8))
        (local.set $sin (f64x2.add (f64x2.mul (local.get $sin) (local.get $y)) (v128.const f64x2 0.0000027557319223985893 0.0000027557319223985893)))
        (local.set $sin (f64x2.add (f64x2.mul (local.get $sin) (local.get $y)) (v128.const f64x2 -0.0001984126984126984 -0.0001984126984126984)))
        (local.set $sin (f64x2.add (f64x2.mul (local.get $sin) (local.get $y)) (v128.const f64x2 0.008333333333333333 0.008333333333333333)))
        (local.set $sin (f64x2.add (f64x2.mul (local.get $sin) (local.get $y)) (v128.const f64x2 -0.16666666666666666 -0.16666666666666666)))
        (local.set $sin (f64x2.add (f64x2.mul (local.get $sin) (local.get $y)) (v128.const f64x2 1 1)))
        (local.set $sin (f64x2.mul (local.get $sin) (local.get $t)))
        ;; cos t, Taylor to t^12
        (local.set $cos (v128.const f64x2 2.08767569878681e-9 2.08767569878681e-9))
        (local.set $cos (f64x2.add (f64x2.mul (local.get $cos) (local.get $y)) (v128.const f64x2 -2.755731922398589e-7 -2.755731922398589e-7)))
        (local.set $cos (f64x2.add (f64x2.mul (local.get $cos) (local.get $y)) (v128.const f64x2 0.0000248015873015873 0.0000248015873015873)))
        (local.set $cos (f64x2.add (f64x2.mul (local.get $cos) (local.get $y)) (v128.const f64x2 -0.001388888888888889 -0.001388888888888889)))
        (local.set $cos (f64x2.add (f64x2.mul (local.get $cos) (local.get $y)) (v128.const f64x2 0.041666666666666664 0.041666666666666664)))
        (local.set $cos (f64x2.add (f64x2.mul (local.get $cos) (local.get $y)) (v128.const f64x2 -0.5 -0.5)))
        (local.set $cos (f64x2.add (f64x2.mul (local.get $cos) (local.get $y)) (v128.const f64x2 1 1)))
        ;; q quarter turns: swap when q is odd; the cosine is negative for q = 1, 2, the sine for q = 2, 3
        (local.set $odd (i64x2.neg (v128.and (local.get $q) (v128.const i64x2 1 1))))
        (local.set $s (v128.bitselect (local.get $sin) (local.get $cos) (local.get $odd)))
        (local.set $z (v128.bitselect (local.get $cos) (local.get $sin) (local.get $odd)))
        (local.set $s (v128.xor (local.get $s) (i64x2.shl
          (v128.and (i64x2.add (local.get $q) (v128.const i64x2 1 1)) (v128.const i64x2 2 2)) (i32.const 62))))
        (local.set $z (v128.xor (local.get $z)
          (i64x2.shl (v128.and (local.get $q) (v128.const i64x2 2 2)) (i32.const 62))))
        (local.set $s (f32x4.demote_f64x2_zero (f64x2.mul (local.get $radius) (local.get $s))))
        (local.set $z (f32x4.demote_f64x2_zero (f64x2.mul (local.get $radius) (local.get $z))))
        (v128.store (local.get $at)
          (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $s) (local.get $z)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next)))))
