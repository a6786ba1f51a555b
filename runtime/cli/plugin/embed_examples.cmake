# Writes OUTPUT, the definition of example_files() in cli/plugin/example_files.hpp. It contains the files from which
# `sluice plugin new` creates projects: FILES, relative to SOURCE, separated by commas.
file(WRITE ${OUTPUT}.new "// Made from the files of examples/ and plugin-api/.
#include \"cli/plugin/example_files.hpp\"

namespace sluice::cli {

std::span<const ExampleFile> example_files() {
  static constexpr ExampleFile files[] = {
")
string(REPLACE "," ";" files "${FILES}")
foreach(file ${files})
  file(READ ${SOURCE}/${file} text)
  file(APPEND ${OUTPUT}.new "{\"${file}\", R\"sluice(${text})sluice\"},\n")
endforeach()
file(APPEND ${OUTPUT}.new "  };
  return files;
}

}  // namespace sluice::cli
")
file(RENAME ${OUTPUT}.new ${OUTPUT})
