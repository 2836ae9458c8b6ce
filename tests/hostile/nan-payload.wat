;; Looks for its machine in the bits of not-a-number. expect: ok: guest
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    ;; Each is the same NaN wherever it comes from, or it falls over.
    (if (i32.ne (i32.reinterpret_f32 (f32.div (f32.const 0) (f32.const 0))) (i32.const 0x7fc00000)) (then (unreachable)))
    (if (i32.ne (i32.reinterpret_f32 (f32.sqrt (f32.const -1))) (i32.const 0x7fc00000)) (then (unreachable)))
    (if (i32.ne (i32.reinterpret_f32 (f32.add (f32.const -nan:0x200001) (f32.const 1))) (i32.const 0x7fc00000)) (then (unreachable)))
    (i32.const 768))
