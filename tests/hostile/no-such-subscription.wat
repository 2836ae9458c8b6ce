;; Subscribes to something that there is not. expect: refused: it failed to start
  ;;; start
  (func $start (param i32 i32) (result i32)
    (i32.store8 (i32.const 512) (i32.const 200))
    (i32.const 576))
