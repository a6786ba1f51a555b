declare module "idiomorph" {
  export const Idiomorph: {
    morph(old: Node, content: string | Node, config?: { morphStyle?: "innerHTML" | "outerHTML"; callbacks?: { beforeNodeMorphed?: (old: Node, next: Node) => boolean | void } }): void;
  };
}
