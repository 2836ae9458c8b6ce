;; Never comes into being: its module's start function does not end. expect: refused: longer than 200 ms
  ;;; end
  (func $forever (loop $again (br $again)))
  (start $forever)
