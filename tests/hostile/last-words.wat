;; Complains before it falls over. expect: trap: its log ends with: guest
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $log (i32.const 3) (i32.const 16) (i32.const 5))
    (unreachable))
