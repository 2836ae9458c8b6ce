;; Has a title whose direction is turned around and half of which can't be seen. expect: ok: pay��now
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store (i32.const 652) (i32.const 4096))
    (i32.store (i32.const 656) (i32.const 12))
    (i32.const 768))
  ;;; end
  (data (i32.const 4096) "pay\e2\80\ae\e2\80\8bnow")
