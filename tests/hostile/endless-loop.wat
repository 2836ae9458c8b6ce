;; Never comes back. expect: deadline
  ;;; on-batch
  (func $on-batch (param i32) (result i32) (loop $again (br $again)) (unreachable))
