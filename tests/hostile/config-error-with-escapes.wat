;; Refuses its config in words that would clear the terminal. expect: refused: [2Jgone
  ;;; start
  (func $start (param i32 i32) (result i32)
    (i32.store (i32.const 576) (i32.const 1))
    (i32.store (i32.const 580) (i32.const 16))
    (i32.store (i32.const 584) (i32.const 5))
    (i32.store (i32.const 588) (i32.const 128))
    (i32.store (i32.const 592) (i32.const 8))
    (i32.const 576))
