;; Keeps a batch that it was only lent. expect: trap: borrow handles still remain
  ;;; given-back
  (func $given-back (param $batch i32) (result i32) (call $on-batch (local.get $batch)))
