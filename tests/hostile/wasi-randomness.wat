;; Wants all randomness there is. expect: trap: exceeds limit
  (import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $random (i64.const -1) (i32.const 3072))
    (i32.const 768))
