;; Subscribes to logs of five topics. expect: refused: 5 topics; a log has four at most
  ;;; start
  (func $start (param i32 i32) (result i32)
    (i32.store8 (i32.const 512) (i32.const 0))
    (i64.store (i32.const 520) (i64.const 0))
    (i32.store (i32.const 528) (i32.const 4096))
    (i32.store (i32.const 532) (i32.const 5))
    (i32.const 576))
