;; Is made of more memories than it may be. expect: refused: memory count too high
  ;;; end
  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)
  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)
  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)
  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)
  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)
  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)
  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)
  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)
  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)  (memory 0)
