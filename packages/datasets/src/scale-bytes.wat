;; Bytes to float32 in [0, 1]: byte / 255, correctly rounded, 16 at a time. scale-bytes.ts says how it is used.
;; Assemble with: node packages/datasets/tools/assemble-scale-bytes.mjs
(module
  (memory (export "memory") 1)

  ;; Reads $count bytes from address 0 on and writes $count floats from address $to on; rounded up to a multiple of 16.
  ;; $to is a multiple of 16 and at least $count, rounded up.
  ;;
  ;; x / 255 is computed as x / 256 + x * (1 / 255 - 1 / 256): the first product is exact, and for all 256 bytes the sum rounds
  ;; to the float nearest to x / 255 (a test checks each). Division takes longer.
  (func (export "scale") (param $count i32) (param $to i32)
    (local $from i32) (local $bytes v128) (local $half v128) (local $x v128) (local $large v128) (local $small v128)
    (local.set $large (f32x4.splat (f32.const 0x1p-8)))
    (local.set $small (f32x4.splat (f32.const 0x1.010102p-16)))
    (block $done
      (loop $group
        (br_if $done (i32.ge_u (local.get $from) (local.get $count)))
        (local.set $bytes (v128.load (local.get $from)))
        (local.set $half (i16x8.extend_low_i8x16_u (local.get $bytes)))
        (local.set $x (f32x4.convert_i32x4_s (i32x4.extend_low_i16x8_u (local.get $half))))
        (v128.store (local.get $to)
          (f32x4.add (f32x4.mul (local.get $x) (local.get $large)) (f32x4.mul (local.get $x) (local.get $small))))
        (local.set $x (f32x4.convert_i32x4_s (i32x4.extend_high_i16x8_u (local.get $half))))
        (v128.store offset=16 (local.get $to)
          (f32x4.add (f32x4.mul (local.get $x) (local.get $large)) (f32x4.mul (local.get $x) (local.get $small))))
        (local.set $half (i16x8.extend_high_i8x16_u (local.get $bytes)))
        (local.set $x (f32x4.convert_i32x4_s (i32x4.extend_low_i16x8_u (local.get $half))))
        (v128.store offset=32 (local.get $to)
          (f32x4.add (f32x4.mul (local.get $x) (local.get $large)) (f32x4.mul (local.get $x) (local.get $small))))
        (local.set $x (f32x4.convert_i32x4_s (i32x4.extend_high_i16x8_u (local.get $half))))
        (v128.store offset=48 (local.get $to)
          (f32x4.add (f32x4.mul (local.get $x) (local.get $large)) (f32x4.mul (local.get $x) (local.get $small))))
        (local.set $from (i32.add (local.get $from) (i32.const 16)))
        (local.set $to (i32.add (local.get $to) (i32.const 64)))
        (br $group)))))
