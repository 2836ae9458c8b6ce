;; Falls over. expect: trap: unreachable
  ;;; on-batch
  (func $on-batch (param i32) (result i32) (unreachable))
