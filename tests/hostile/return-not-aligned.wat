;; Has its result in an odd place. expect: trap: not aligned
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.const 769))
