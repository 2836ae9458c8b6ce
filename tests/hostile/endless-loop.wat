;; Never comes back. expect: deadline: longer than 200 ms
  ;;; on-batch
  (func $on-batch (param i32) (result i32) (loop $again (br $again)) (unreachable))
