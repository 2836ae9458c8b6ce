;; Writes to its state when it starts, which belongs to no block, and looks for it. expect: ok: guest
  (import "watchfire:detector/state@0.1.0" "get" (func $get (param i32 i32 i32)))
  ;;; start
  (func $start (param i32 i32) (result i32)
    (call $put (i32.const 16) (i32.const 5) (i32.const 4096) (i32.const 8) (i32.const 3072))
    (i32.const 576))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $get (i32.const 16) (i32.const 5) (i32.const 3072))
    (if (i32.load8_u (i32.const 3072)) (then (unreachable)))
    (i32.const 768))
